"""Kinds of values that options take."""

from __future__ import annotations

import math

import click


class Number(click.FloatRange):
    """A number in a range. Not NaN, which click lets pass: it is neither below nor above."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number (given as text), or a usage error."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number
