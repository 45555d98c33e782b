#!/usr/bin/env python3
"""Fits the polynomials of passes/expand_math: minimax, with coefficients that are f32 numbers.

On a grid of Chebyshev points the largest weighted error is minimised as a linear program; then coefficients are
rounded one by one, the lowest power first, and after each the others are fitted anew. Prints for each polynomial
the error before and after rounding and the coefficients, highest power last. Needs mpmath, numpy and scipy.
"""

import mpmath
import numpy as np
from mpmath import mpf
from scipy.optimize import linprog

mpmath.mp.prec = 120
POINTS = 402
SCALE = mpf(2) ** 26  # errors of interest become about 1


def to_f32(x):
    fraction, exponent = mpmath.frexp(x)
    return mpmath.ldexp(mpmath.nint(fraction * 2**24), int(exponent) - 24)


class Fit:
    """Of f(x) by the sum of c[p] * x**p over the powers p."""

    def __init__(self, f, powers, low, high, weight, fixed):
        low, high = mpf(low), mpf(high)
        cosines = [mpmath.cos(mpmath.pi * i / (POINTS - 1)) for i in range(POINTS)]
        self.points = [(low + high) / 2 - (high - low) / 2 * c for c in cosines]
        self.values = [f(x) for x in self.points]
        self.weights = [SCALE * weight(x) for x in self.points]
        self.fixed = dict(fixed)
        self.free = {p: mpf(0) for p in powers if p not in fixed}

    def residuals(self):
        coefficients = self.fixed | self.free
        sums = [sum(c * x**p for p, c in coefficients.items()) for x in self.points]
        return [w * (f - s) for w, f, s in zip(self.weights, self.values, sums)]

    def error(self):
        return max(abs(r) for r in self.residuals()) / SCALE

    def improve(self):
        """A step of the linear program: corrections to the free coefficients. True while it gains something."""
        residuals = self.residuals()
        largest = max(abs(r) for r in residuals)
        columns = [[w * x**p for w, x in zip(self.weights, self.points)] for p in self.free]
        norms = [max(abs(v) for v in column) for column in columns]
        basis = np.array([[float(v / n) for v in column] for column, n in zip(columns, norms)]).T
        target = np.array([float(r / largest) for r in residuals])
        bound = np.ones((len(residuals), 1))
        count = len(self.free)
        solution = linprog(
            [0] * count + [1],
            A_ub=np.block([[basis, -bound], [-basis, -bound]]),
            b_ub=np.concatenate([target, -target]),
            bounds=[(None, None)] * count + [(0, None)],
            method="highs",
        ).x
        for p, correction, norm in zip(list(self.free), solution, norms):
            self.free[p] += mpf(correction) * largest / norm
        return solution[count] < 0.99

    def solve(self):
        for _ in range(3):
            if not self.improve():
                break

    def round_all(self):
        while self.free:
            self.solve()
            power = next(iter(self.free))
            self.fixed[power] = to_f32(self.free.pop(power))


def fit(name, f, count, low, high, weight=lambda x: mpf(1), fixed=None):
    polynomial = Fit(f, range(count), low, high, weight, fixed or {})
    polynomial.solve()
    exact = polynomial.error()
    polynomial.round_all()
    errors = [float(mpmath.log(e, 2)) for e in (exact, polynomial.error())]
    print(f"{name}: 2^{errors[0]:.2f}, rounded 2^{errors[1]:.2f}")
    for power in sorted(polynomial.fixed):
        print(f"  {float(polynomial.fixed[power]).hex()}")


def in_square(odd_or_even):
    """g(sqrt(z)) of a function g."""
    return lambda z: odd_or_even(mpmath.sqrt(z))


def main():
    exp, log1p, sin, cos = mpmath.exp, mpmath.log1p, mpmath.sin, mpmath.cos
    erf, erfc, atanh, pi = mpmath.erf, mpmath.erfc, mpmath.atanh, mpmath.pi
    tiny = mpf("1e-8")

    # Ranges exceed those of the reduced arguments by what rounding may add.
    fit("exp(r)", exp, 8, -0.6936, 0.6936, lambda r: 1 / exp(r), {0: mpf(1), 1: mpf(1)})
    fit("(exp(r) - 1 - r) / r^2", lambda r: (exp(r) - 1 - r) / r**2, 5, -0.34685, 0.34685,
        lambda r: abs(r**2 / (exp(r) - 1)))
    fit("(log(1 + f) - f + f^2/2) / f^3", lambda f: (log1p(f) - f + f * f / 2) / f**3, 8, -0.33335, 0.33335,
        lambda f: abs(f**3 / log1p(f)))
    eighth = (pi / 4 + mpf("1e-4")) ** 2
    fit("(sin(r)/r - 1) / r^2, in r^2", in_square(lambda r: (sin(r) / r - 1) / r**2), 3, tiny, eighth,
        in_square(lambda r: r**3 / sin(r)))
    fit("(cos(r) - 1 + r^2/2) / r^4, in r^2", in_square(lambda r: (cos(r) - 1 + r**2 / 2) / r**4), 3, tiny,
        eighth, in_square(lambda r: r**4))
    fit("-log(erfc(t))/t - 1", lambda t: -mpmath.log(erfc(t)) / t - 1, 9, mpf("1e-6"), mpf("3.94"),
        lambda t: erfc(t) * t / erf(t))
    fit("(3 atanh(s)/s - 3 - s^2) / s^4, in s^2", in_square(lambda s: (3 * atanh(s) / s - 3 - s**2) / s**4), 4,
        mpf("1e-6"), mpf("0.1717") ** 2, in_square(lambda s: s**4 / 3))
    fit("(2^r - 1) / r", lambda r: (mpf(2) ** r - 1) / r, 6, -0.502, 0.502, lambda r: r / mpf(2) ** r)
    quarter = pi / 2
    quarter_f32 = to_f32(quarter)
    fit("sin(pi/2 d)/d - f32(pi/2), in d^2", in_square(lambda d: sin(quarter * d) / d - quarter_f32), 4, tiny,
        mpf("0.2501"), in_square(lambda d: d / sin(quarter * d)))
    fit("(cos(pi/2 d) - 1) / d^2, in d^2", in_square(lambda d: (cos(quarter * d) - 1) / d**2), 4, tiny,
        mpf("0.2501"), in_square(lambda d: d**2))


if __name__ == "__main__":
    main()
