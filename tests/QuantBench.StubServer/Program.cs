using System.Net;
using System.Net.Sockets;
using QuantBench.StubServer;

// A server that speaks streamed chat completions with known delays. Prints its port; ends with its standard input.
StubOptions options = StubOptions.Parse(args);
using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
listener.Listen(4096);
var stub = new Stub(options);
_ = stub.AcceptAsync(listener);
Console.WriteLine(((IPEndPoint)listener.LocalEndPoint!).Port);
while (Console.In.Read() >= 0)
{
}
