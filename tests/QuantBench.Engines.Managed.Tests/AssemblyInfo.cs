// Sessions bring their own threads; two tests at once would only wait for each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
