"""The shortest way over many places and back: a travelling salesman's tour, good within a percent or so.

Greedy start from the nearest neighbour; 2-opt and or-opt moves (Croes 1958, Or 1976) over the ten nearest neighbours
with don't-look bits (Bentley 1992) until none helps; then an iterated local search: two neighbouring pieces of the tour
change places (a double bridge kept local), the few places touched are mended, and the better tour stays (Johnson and
McGeoch 1997). The dice have a seed: the same places give the same tour.

Lists of plain floats, not arrays: a move touches a handful of numbers, and for that arrays are ten times slower.
"""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NEAREST = 10
_LONGEST_PIECE = 50
_LONGEST_MOVED = 3
KICKS_A_PLACE, FEWEST_KICKS, MOST_KICKS = 6, 200, 2_500


def shortest_order(places: Floats, *, kicks: int | None = None, seed: int = 1) -> NDArray[np.int64]:
    """Places (N, 2) metres, the first one home → the order (N,) to visit them in, home first; back home is implied."""
    count = len(places)
    if count <= 3:
        return np.arange(count)
    tries = min(max(KICKS_A_PLACE * count, FEWEST_KICKS), MOST_KICKS) if kicks is None else kicks
    return np.array(_Tour(np.asarray(places, np.float64), seed).improved(tries))


def length_m(places: Floats, order: NDArray[np.int64]) -> float:
    """Of the closed tour."""
    way = places[order]
    return float(np.linalg.norm(way - np.roll(way, -1, axis=0), axis=1).sum())


class _Tour:
    """A closed tour and its repair. `order`: places in turn; `at`: where in it each place stands."""

    def __init__(self, places: Floats, seed: int) -> None:
        apart = np.linalg.norm(places[:, None] - places[None, :], axis=2)
        self.count = len(places)
        self.far: list[list[float]] = apart.tolist()
        others = apart + np.diag(np.full(self.count, np.inf))  # nobody is his own neighbour, also of places on one spot
        self.near: list[list[int]] = np.argsort(others, axis=1)[:, : min(_NEAREST, self.count - 1)].tolist()
        self.dice = random.Random(seed)
        self.order = self._greedy(apart)
        self.at = [0] * self.count
        self._number(0, self.count)

    def improved(self, kicks: int) -> list[int]:
        """The order, home first, after so many tries to do better."""
        self._mend(list(self.order))
        if self.count >= 5:
            length = self._length()
            for _ in range(kicks):
                before, places = self.order[:], self.at[:]
                change, touched = self._kick()
                change += self._mend(touched)
                if change > -1e-9:
                    self.order, self.at = before, places
                else:
                    length += change
        home = self.at[0]
        return self.order[home:] + self.order[:home]

    def _greedy(self, apart: Floats) -> list[int]:
        left = apart.copy()
        order, here = [0], 0
        left[:, 0] = np.inf
        for _ in range(self.count - 1):
            here = int(left[here].argmin())
            left[:, here] = np.inf
            order.append(here)
        return order

    def _length(self) -> float:
        return sum(self.far[a][b] for a, b in zip(self.order, self.order[1:] + self.order[:1], strict=True))

    def _number(self, first: int, last: int) -> None:
        order, at = self.order, self.at
        for position in range(first, last):
            at[order[position]] = position

    def _kick(self) -> tuple[float, list[int]]:
        """Two neighbouring pieces change places; the change of length, and the places at their ends."""
        n = self.count
        longest = min(_LONGEST_PIECE, (n - 2) // 2)
        first, second = self.dice.randint(1, longest), self.dice.randint(1, longest)
        begin = self.dice.randint(0, n - first - second - 1)
        order, far = self.order, self.far
        middle, end = begin + first, begin + first + second
        a, b = order[begin - 1], order[begin]
        c, d = order[middle - 1], order[middle]
        e, f = order[end - 1], order[end]
        order[begin:end] = order[middle:end] + order[begin:middle]
        self._number(begin, end)
        return far[a][d] + far[e][b] + far[c][f] - far[a][b] - far[c][d] - far[e][f], [a, b, c, d, e, f]

    def _mend(self, waiting: list[int]) -> float:
        """Moves around these places until none helps; the change of length."""
        queued = set(waiting)
        total = 0.0
        while waiting:
            place = waiting.pop()
            queued.discard(place)
            while True:
                change, touched = self._two_opt(place)
                if not touched:
                    change, touched = self._or_opt(place)
                if not touched:
                    break
                total += change
                for each in touched:
                    if each not in queued:
                        queued.add(each)
                        waiting.append(each)
        return total

    def _two_opt(self, a: int) -> tuple[float, tuple[int, ...]]:
        """The first exchange of two ways beginning with one at `a` that helps."""
        order, at, far, n = self.order, self.at, self.far, self.count
        here = at[a]
        far_a = far[a]
        for forward in (True, False):
            b = order[here + 1 - n] if forward else order[here - 1]
            ab = far_a[b]
            for c in self.near[a]:
                gain = ab - far_a[c]
                if gain <= 1e-9:
                    break
                d = order[at[c] + 1 - n] if forward else order[at[c] - 1]
                change = far[b][d] - far[c][d] - gain
                if change < -1e-9:
                    # a b … c d → a c … b d, and its mirror image
                    if forward:
                        self._reverse(b, c)
                    else:
                        self._reverse(a, d)
                    return change, (a, b, c, d)
        return 0.0, ()

    def _reverse(self, first: int, last: int) -> None:
        """Turn the way from `first` on to `last` around, or the rest of the tour, whichever is shorter."""
        n = self.count
        i, j = self.at[first], self.at[last]
        inside = (j - i) % n + 1
        if 2 * inside > n:
            i, j = (j + 1) % n, (i - 1) % n
            inside = n - inside
        if i <= j:
            self.order[i : j + 1] = self.order[i : j + 1][::-1]
            self._number(i, j + 1)
            return
        order, at = self.order, self.at
        for _ in range(inside // 2):
            order[i], order[j] = order[j], order[i]
            at[order[i]], at[order[j]] = i, j
            i, j = (i + 1) % n, (j - 1) % n

    def _or_opt(self, a: int) -> tuple[float, tuple[int, ...]]:
        """The first move of a piece of one to three places with `a` at its end, in either direction, that helps."""
        order, at, far, n = self.order, self.at, self.far, self.count
        for size in range(1, min(_LONGEST_MOVED, n - 3) + 1):
            for way in (1, -1):
                here = at[a]
                # the piece lies from a on against `way`; its other end is z, its neighbours p (beside a), q (beside z)
                z = order[(here - way * (size - 1)) % n]
                p, q = order[(here + way) % n], order[(here - way * size) % n]
                freed = far[a][p] + far[z][q] - far[p][q]
                for c in self.near[a]:
                    ac = far[a][c]
                    if ac >= freed - 1e-9:
                        break
                    if (way * (here - at[c])) % n < size:
                        continue  # in the piece itself
                    for side in (1, -1):
                        d = order[(at[c] + side) % n]
                        if (way * (here - at[d])) % n < size or (c == p and d == q) or (c == q and d == p):
                            continue
                        change = ac + far[z][d] - far[c][d] - freed
                        if change < -1e-9:
                            self._move(a, z, c, d)
                            return change, (a, z, p, q, c, d)
        return 0.0, ()

    def _move(self, a: int, z: int, c: int, d: int) -> None:
        """Take the piece between a and z out and put it between c and d, a beside c."""
        at, n = self.at, self.count
        i, j = at[a], at[z]
        size = min((i - j) % n, (j - i) % n) + 1
        step = 1 if (j - i) % n == size - 1 else -1
        piece = [self.order[(i + step * k) % n] for k in range(size)]
        members = set(piece)
        rest = [place for place in self.order if place not in members]
        where = rest.index(c)
        if rest[(where + 1) % len(rest)] == d:
            rest[where + 1 : where + 1] = piece
        else:
            rest[where:where] = piece[::-1]
        self.order = rest
        self._number(0, n)
