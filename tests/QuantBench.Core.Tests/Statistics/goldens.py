"""Golden values of the bootstrap tests: an implementation of its own, with .NET's seeded generator (Knuth's subtractive one) written anew.

Run: python3 goldens.py
"""
import statistics


class NetRandom:
    """System.Random(seed) as .NET documents it for seeded instances."""

    def __init__(self, seed):
        big = 2147483647
        mj = 161803398 - abs(seed)
        a = [0] * 56
        a[55] = mj
        mk = 1
        at = 0
        for _ in range(1, 55):
            at = (at + 21) % 55
            a[at] = mk
            mk = mj - mk
            if mk < 0:
                mk += big
            mj = a[at]
        for _ in range(1, 5):
            for i in range(1, 56):
                n = i + 30
                if n >= 55:
                    n -= 55
                a[i] -= a[1 + n]
                if a[i] < 0:
                    a[i] += big
        self.a, self.i, self.j = a, 0, 21

    def next(self, limit):
        self.i = self.i % 55 + 1
        self.j = self.j % 55 + 1
        r = self.a[self.i] - self.a[self.j]
        if r == 2147483647:
            r -= 1
        if r < 0:
            r += 2147483647
        self.a[self.i] = r
        return int(r * (1.0 / 2147483647) * limit)


def quantile(values, q):
    values = sorted(values)
    at = q * (len(values) - 1)
    low = int(at)
    return values[-1] if low + 1 >= len(values) else values[low] + (at - low) * (values[low + 1] - values[low])


def interval(values):
    return quantile(values, 0.025), quantile(values, 0.975)


x = sorted([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
y = sorted([1.15, 0.88, 0.90, 0.74, 1.21])
random = NetRandom(1)
print("median", interval([statistics.median([x[random.next(10)] for _ in x]) for _ in range(2000)]))
random = NetRandom(1)
ratios = []
for _ in range(2000):
    top = statistics.median([x[random.next(10)] for _ in x])
    ratios.append(top / statistics.median([y[random.next(5)] for _ in y]))
print("ratio of medians", interval(ratios))
a = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
b = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
random = NetRandom(1)
d = [i - j for i, j in zip(a, b)]
print("paired mean", interval([sum(d[random.next(10)] for _ in d) / 10 for _ in range(2000)]))
