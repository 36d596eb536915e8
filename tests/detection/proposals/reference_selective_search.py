"""Selective search in plain Python, as the papers tell it: no sharing, no heap, no sorting but ``sorted``.

Thousands of times slower than the engine, and the same to the last bit: float32 where it computes in float32, integers
where it counts. Written from the formulas; it takes from the engine only the mode tables and the colour planes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from detection.proposals.selective_search.colour import channels_of, smooth
from detection.proposals.selective_search.modes import MODES

f32 = np.float32
# of standard deviation 1, at -3 ... 3
GAUSSIAN = (0.00443304796, 0.0540055819, 0.242036223, 0.399050266, 0.242036223, 0.0540055819, 0.00443304796)


def grid_edges(planes):
    """Weight, direction (right, down) and the two pixels of each edge, sorted."""
    channels, height, width = planes.shape
    edges = []
    for direction, (down, right) in enumerate(((0, 1), (1, 0))):
        for y, x in itertools.product(range(height - down), range(width - right)):
            square = f32(0)
            for c in range(channels):
                difference = planes[c, y + down, x + right] - planes[c, y, x]
                square = f32(square + difference * difference)
            pixel = y * width + x
            edges.append((np.sqrt(square), direction, pixel, pixel + down * width + right))
    return sorted(edges)


def superpixels(planes, k, min_size):
    """Labels (H, W) by Felzenszwalb and Huttenlocher, numbered by first appearance."""
    _, height, width = planes.shape
    component = {pixel: [pixel] for pixel in range(height * width)}
    limit = dict.fromkeys(component, f32(k))
    refused = []

    def join(a, b):
        keep, drop = (a, b) if len(component[a]) >= len(component[b]) else (b, a)
        for pixel in component[drop]:
            owner[pixel] = keep
        component[keep] += component.pop(drop)
        return keep

    owner = list(component)
    for weight, _, p, q in grid_edges(planes):
        a, b = owner[p], owner[q]
        if a != b:
            if weight <= limit[a] and weight <= limit[b]:
                a = join(a, b)
                limit[a] = f32(weight + f32(k) / f32(len(component[a])))
            else:
                refused.append((p, q))
    for p, q in refused:
        a, b = owner[p], owner[q]
        if a != b and min(len(component[a]), len(component[b])) < min_size:
            join(a, b)
    numbers = {}
    return np.array([numbers.setdefault(one, len(numbers)) for one in owner]).reshape(height, width)


def colour_bins(channel):
    return channel.astype(int) * 25 // 256


def fma(a, b, c):
    """``a * b + c`` of float32, rounded once: float64 rounded to odd, which a second rounding does not notice."""
    product, c = np.float64(a) * np.float64(b), np.float64(c)  # the product is exact
    total = product + c
    summand = total - product
    error = (product - (total - summand)) + (c - summand)  # Knuth's two-sum
    bits = total.view(np.int64)
    step = np.where((error > 0) == (total > 0), 1, -1)
    return np.where((error != 0) & (bits % 2 == 0), bits + step, bits).view(np.float64).astype(f32)


def gradient(channel):
    """Derivatives of a Gaussian along x and along y, mirrored at the borders, rounded as OpenCV does with AVX2.

    Along the rows it takes the taps in turn, by FMA up to the last multiple of 32 columns; across them, tap by tap
    from the middle, by FMA up to the last multiple of 8.
    """
    weights = np.array(GAUSSIAN, f32)
    steps = np.arange(-3, 4, dtype=f32) * weights
    columns = np.arange(channel.shape[1])
    padded = np.pad(channel, 3, mode="reflect").astype(f32)

    def add(total, values, weight, whole):
        return np.where(
            columns < columns.size - columns.size % whole, fma(values, weight, total), total + values * weight
        )

    def along(taps):
        rows = np.zeros((len(padded), columns.size), f32)
        for i, tap in enumerate(taps):
            rows = add(rows, padded[:, i : i + columns.size], tap, 32)
        return rows

    def across(rows, taps, sign):
        height = len(rows) - 6
        total = rows[3 : 3 + height] * taps[3]
        for i in (1, 2, 3):
            total = add(total, rows[3 + i : 3 + i + height] + sign * rows[3 - i : 3 - i + height], taps[3 + i], 8)
        return total

    return across(along(steps), weights, f32(1)), across(along(weights), steps, f32(-1))


def gradient_bins(channel):
    """For each of eight directions the bin (H, W) of the derivative's positive part."""
    x, y = gradient(channel)
    for response in (x, y, (x + y) * f32(0.70710678), (x - y) * f32(0.70710678)):
        for part, offset in ((response, 0), (-response, 10)):
            largest = part.max()
            scale = f32(9.999) / largest if largest > 0 else f32(0)
            bins = np.zeros(part.shape, int)
            for place in zip(*np.nonzero(part > 0 if offset else part >= 0), strict=True):
                bins[place] = int(f32(offset + f32(part[place] * scale))) - offset
            yield bins


def histograms(channels, labels):
    """Counts (R, 105 C): 25 colours a channel, then 8 x 10 gradients a channel."""
    blocks = [(colour_bins(channel), 25) for channel in channels]
    blocks += [(bins, 10) for channel in channels for bins in gradient_bins(channel)]
    counts = np.zeros((labels.max() + 1, sum(size for _, size in blocks)), int)
    first = 0
    for bins, size in blocks:
        for label, column in zip(labels.ravel(), bins.ravel(), strict=True):
            counts[label, first + column] += 1
        first += size
    return counts


@dataclass
class Region:
    size: int
    box: tuple[int, int, int, int]  # both ends inside
    counts: np.ndarray

    def __add__(self, other):
        x1, y1, x2, y2 = zip(self.box, other.box, strict=True)
        box = (min(x1), min(y1), max(x2), max(y2))
        return Region(self.size + other.size, box, self.counts + other.counts)


def similarity(a, b, channels, strategy, pixels):
    def shared(columns, parts):
        shares = [
            (one.counts[columns] * (2.0**24 / (parts * channels * float(one.size)))).astype(int) for one in (a, b)
        ]
        return int(np.minimum(*shares).sum()) / 2.0**24

    both, total = a + b, 0.0
    x1, y1, x2, y2 = both.box
    if "C" in strategy:
        total += shared(slice(None, 25 * channels), 1)
    if "T" in strategy:
        total += shared(slice(25 * channels, None), 8)
    if "S" in strategy:
        total += 1.0 - both.size * (1.0 / pixels)
    if "F" in strategy:
        total += 1.0 - ((x2 - x1 + 1) * (y2 - y1 + 1) - both.size) * (1.0 / pixels)
    return total


def hierarchy(labels, counts, channels, strategy):
    """Boxes of all regions in the order of their making, both ends inside."""
    height, width = labels.shape
    regions = {}
    for label in range(labels.max() + 1):
        y, x = np.nonzero(labels == label)
        regions[label] = Region(len(y), (x.min(), y.min(), x.max(), y.max()), counts[label])
    touching = set()
    for y, x in np.ndindex(height, width):
        for v, u in ((y, x + 1), (y + 1, x - 1), (y + 1, x), (y + 1, x + 1)):
            if v < height and 0 <= u < width and labels[y, x] != labels[v, u]:
                touching.add(tuple(sorted((int(labels[y, x]), int(labels[v, u])))))
    similar = {pair: similarity(*(regions[one] for one in pair), channels, strategy, labels.size) for pair in touching}
    while similar:
        a, b = min(similar, key=lambda pair: (-similar[pair], pair))
        new = len(regions)
        regions[new] = regions[a] + regions[b]
        neighbours = {one for pair in similar if {a, b} & set(pair) for one in pair} - {a, b}
        similar = {pair: value for pair, value in similar.items() if not {a, b} & set(pair)}
        for near in neighbours:
            similar[near, new] = similarity(regions[near], regions[new], channels, strategy, labels.size)
    return [tuple(map(int, region.box)) for region in regions.values()]


def split_mix(index, seed):
    """The number that SplitMix64 gives to a place, in [0, 1)."""
    mask = 2**64 - 1
    z = (index + 1 + seed * 1_000_003) * 0x9E3779B97F4A7C15 & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return ((z ^ z >> 31) >> 11) / 2**53


def selective_search(image, mode_name, superpixel_scale=1.0, seed=0):
    """Ordered boxes, half-open, of an image as it is: no resizing, no smallest side."""
    mode = MODES[mode_name]
    found = []
    for space in mode.colour_spaces:
        channels = channels_of(image, space)
        planes = smooth(channels, mode.sigma)
        for k, min_size in mode.scales:
            labels = superpixels(planes, k * superpixel_scale, round(min_size * superpixel_scale))
            counts = histograms(channels, labels)
            for strategy in mode.strategies:
                boxes = hierarchy(labels, counts, len(channels), strategy)
                found += [(len(boxes) - place, box) for place, box in enumerate(boxes)]
    ranked = sorted((rank * split_mix(index, seed), index, box) for index, (rank, box) in enumerate(found))
    return [(x1, y1, x2 + 1, y2 + 1) for x1, y1, x2, y2 in dict.fromkeys(box for _, _, box in ranked)]
