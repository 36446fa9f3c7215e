"""A heart on paper: the electrocardiogram as three coupled differential equations, and single beats of four kinds.

P. E. McSharry, G. D. Clifford, L. Tarassenko, L. A. Smith, "A dynamical model for generating synthetic electrocardiogram
signals", IEEE Transactions on Biomedical Engineering 50(3), 2003. A point runs round the unit circle, once a beat; at five
angles, those of the waves P, Q, R, S and T, it is pushed up or down:

    x' = a x - w y,    y' = a y + w x,    a = 1 - sqrt(x² + y²),
    z' = - sum_i a_i d_i exp(-d_i² / (2 b_i²)) - (z - z0),    d_i = (theta - theta_i) mod 2 pi,

w = 2 pi / RR sets the pace, and z0 is the slow swing of breathing. Signals from this model teach; they are no medical device.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_count, check_generator, check_number, check_positive

Array = NDArray[np.float64]

WAVES = ("P", "Q", "R", "S", "T")
ANGLES = np.array([-math.pi / 3, -math.pi / 12, 0.0, math.pi / 12, math.pi / 2])  # theta_i, table 1 of the paper
HEIGHTS = np.array([1.2, -5.0, 30.0, -7.5, 0.75])  # a_i
WIDTHS = np.array([0.25, 0.1, 0.1, 0.1, 0.4])  # b_i
MILLIVOLTS = 1.2 * 2 * math.pi / (HEIGHTS[2] * WIDTHS[2] ** 2)  # an R wave's z is a b² / w: 1.2 mV at 60 beats a minute
LOW, HIGH, SPREAD = 0.1, 0.25, 0.01  # Hz: blood pressure's wave, breathing's wave, and the width of both in the spectrum
STEP = 1 / 256  # longest step of the integration, seconds

BEATS = ("normal", "supraventricular", "ventricular", "fusion")


def rr_tachogram(seconds: float, rate: float, rng: np.random.Generator, *, heart_rate: float = 60.0, heart_rate_std: float = 1.0,
                 lf_hf: float = 0.5) -> Array:
    """The time between beats as a function of time: random phases under a spectrum with two Gaussian peaks.

    Parameters
    ----------
    seconds, rate : float
        Length of the record, and samples a second.
    rng : numpy.random.Generator
        Draws the phases.
    heart_rate, heart_rate_std : float
        Mean and standard deviation, beats a minute.
    lf_hf : float
        Power of the peak at 0.1 Hz over that of the peak at 0.25 Hz.

    Returns
    -------
    float64 array (ceil(seconds * rate) + 1,), seconds between beats; mean 60 / heart_rate.
    """
    count = math.ceil(seconds * rate) + 1
    long = max(count, math.ceil(100 * rate))  # at least 100 s, so that the narrow peaks hold a few frequencies
    f = np.fft.rfftfreq(long, 1 / rate)
    power = lf_hf * np.exp(-((f - LOW) ** 2) / (2 * SPREAD**2)) + np.exp(-((f - HIGH) ** 2) / (2 * SPREAD**2))
    phases = rng.uniform(0, 2 * math.pi, len(f))
    wave = np.fft.irfft(np.sqrt(power) * np.exp(1j * phases), long)
    wave = (wave - wave.mean()) / wave.std()
    mean = 60 / heart_rate
    return (mean + wave[:count] * (mean * heart_rate_std / heart_rate)).clip(0.25 * mean, 4 * mean)


def ecg(seconds: float, rate: float, rng: np.random.Generator, *, heart_rate: float = 60.0, heart_rate_std: float = 1.0,
        lf_hf: float = 0.5, breathing: float = 0.15, noise: float = 0.0,
        substeps: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """An electrocardiogram, and where its beats are.

    Parameters
    ----------
    seconds, rate : float
        Length, and samples a second (at least 50).
    rng : numpy.random.Generator
        Draws the tachogram's phases and the noise.
    heart_rate, heart_rate_std, lf_hf : float
        See `rr_tachogram`. Angles and widths of the waves grow with the root of the heart rate, after Bazett's law for the time
        from Q to T, as in the authors' program ECGSYN; the R wave then has the same height at every rate.
    breathing : float
        Amplitude of z0 at 0.25 Hz, millivolts; the signal follows it with a lag of one second, so about half of it arrives.
    noise : float
        Standard deviation of white noise, millivolts.
    substeps : int, optional
        Steps of the fourth-order Runge-Kutta method per sample; by default enough for steps of at most 1 / 256 s.

    Returns
    -------
    signal : float32 array (round(seconds * rate),), millivolts
    peaks : int64 array (beats,)
        Samples at which the R waves have their maxima, rising.

    Raises
    ------
    DataError
        If a number is not finite, negative or 0 where it must not be, `rate` below 50, or `rng` no Generator.
    """
    check_generator(rng, "ecg")
    for name, value in (("seconds", seconds), ("heart_rate", heart_rate), ("lf_hf", lf_hf)):
        check_positive(value, name, "ecg")
    check_number(rate, "rate", "ecg", least=50)
    for name, value in (("heart_rate_std", heart_rate_std), ("breathing", breathing), ("noise", noise)):
        check_number(value, name, "ecg", least=0)
    samples = check_count(round(seconds * rate), "round(seconds * rate)", "ecg")
    steps = check_count(substeps if substeps is not None else math.ceil(1 / (rate * STEP) - 1e-9), "substeps", "ecg")
    intervals = rr_tachogram(seconds, rate, rng, heart_rate=heart_rate, heart_rate_std=heart_rate_std, lf_hf=lf_hf)
    pace = math.sqrt(heart_rate / 60)
    angles = ANGLES * np.array([math.sqrt(pace), pace, 1, pace, math.sqrt(pace)])
    h, clock = 1 / (rate * steps), np.arange(len(intervals)) / rate

    def slope(t: float, state: Array) -> Array:
        omega = 2 * math.pi / float(np.interp(t, clock, intervals))
        rest = breathing / MILLIVOLTS * math.sin(2 * math.pi * HIGH * t)
        return _slope(state, omega, angles, HEIGHTS, WIDTHS * pace, rest)

    state = np.array([-1.0, 0.0, 0.0])  # between a T and the next P
    track = np.empty((samples, 3))
    for i in range(samples):
        track[i] = state
        for k in range(steps):
            state = _runge_kutta(slope, i / rate + k * h, state, h)
    theta, height = np.arctan2(track[:, 1], track[:, 0]), track[:, 2] * MILLIVOLTS
    crossed = np.flatnonzero((theta[:-1] < 0) & (theta[1:] >= 0) & (theta[1:] < math.pi / 2)) + 1
    reach = max(1, round(0.04 * rate))
    begins = np.maximum(crossed - reach, 0)
    peaks = [int(low) + int(height[low : i + reach + 1].argmax()) for low, i in zip(begins, crossed, strict=True)]
    signal = height + noise * rng.standard_normal(samples) if noise else height
    return signal.astype(np.float32), np.array(peaks, np.int64)


def heartbeats(n: int, rng: np.random.Generator, *, length: int = 128, rate: float = 160.0,
               noise: float = 0.02) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Single beats of the four kinds in BEATS, each cut out around its R wave, by the same equations with other events.

    normal: table 1; supraventricular: early, P weak or inverted; ventricular: early, no P, wide, T inverted; fusion: between
    normal and ventricular. The beat before is a normal one, so an early beat comes close after that one's T wave. Unlike in the
    paper a wave's height does not depend on the pace, which here changes at the R wave.

    Parameters
    ----------
    n : int
        How many; as equal numbers of each kind as possible, shuffled.
    rng : numpy.random.Generator
        The same state gives the same beats.
    length, rate : int, float
        Samples of a beat, its R wave at half of them, and samples a second (at least 50).
    noise : float
        Standard deviation of white noise, millivolts.

    Returns
    -------
    beats : float32 array (n, length, 1), millivolts
    labels : int64 array (n,), indices into BEATS

    Raises
    ------
    DataError
        If `n` is below 1, `length` below 16, a number not positive, or `rng` no Generator.
    """
    check_count(n, "n", "heartbeats")
    check_count(length, "length", "heartbeats", least=16)
    check_number(rate, "rate", "heartbeats", least=50)
    check_number(noise, "noise", "heartbeats", least=0)
    check_generator(rng, "heartbeats")
    labels = rng.permutation(np.arange(n) % len(BEATS))
    angles, heights, widths = _events(labels, rng)
    normal = (np.tile(ANGLES, (n, 1)), HEIGHTS * rng.lognormal(0, 0.1, (n, 5)), WIDTHS * rng.lognormal(0, 0.06, (n, 5)))
    usual = rng.normal(0.85, 0.07, n).clip(0.6, 1.1)
    early = np.where(labels == 1, rng.uniform(0.58, 0.75, n), np.where(labels == 2, rng.uniform(0.55, 0.8, n), 1.0))
    before, after = usual * early, usual * np.where(labels == 0, 1.0, rng.uniform(1.05, 1.35, n))
    normal[0][:, 4] *= usual / before  # the former T wave follows its own R wave in time, however early the next beat is
    swing, phase = rng.uniform(0, 0.1, n) / MILLIVOLTS, rng.uniform(0, 2 * math.pi, n)

    def slope(t: float, state: Array) -> Array:
        omega = 2 * math.pi / (before if t < 0 else after)
        former = (t < -0.33 * before)[:, None]  # until shortly before its own P wave, the former beat rules
        where, push, width = (np.where(former, old, new) for old, new in zip(normal, (angles, heights, widths), strict=True))
        push = push * (omega / (2 * math.pi))[:, None]
        return _slope(state, omega, where, push, width, swing * np.sin(2 * math.pi * HIGH * t + phase))

    lead = length // 2
    steps, warm = math.ceil(1 / (rate * STEP) - 1e-9), math.ceil(float(before.max()) * rate)
    first = -max(lead, warm)
    angle = 2 * math.pi * (first / rate) / before
    state = np.stack([np.cos(angle), np.sin(angle), np.zeros(n)])
    beats = np.empty((n, length, 1))
    for i in range(first, length - lead):
        if i >= -lead:
            beats[:, i + lead, 0] = state[2]
        for k in range(steps):
            state = _runge_kutta(slope, (i + k / steps) / rate, state, 1 / (rate * steps))
    beats = beats * MILLIVOLTS + noise * rng.standard_normal(beats.shape)
    return beats.astype(np.float32), labels.astype(np.int64)


def _slope(state: Array, omega: Array | float, angles: Array, heights: Array, widths: Array, rest: Array | float) -> Array:
    """The right-hand sides; `state` is (3,) or (3, n), the events (5,) or (n, 5)."""
    x, y, z = state
    pull = 1 - np.hypot(x, y)
    theta = np.arctan2(y, x)
    away = theta[..., None] - angles
    away = away - 2 * math.pi * np.round(away / (2 * math.pi))  # the nearer way round: between -pi and pi
    push = (heights * away * np.exp(-0.5 * (away / widths) ** 2)).sum(axis=-1)
    return np.stack([pull * x - omega * y, pull * y + omega * x, -push - (z - rest)])


def _runge_kutta(slope: Callable[[float, Array], Array], t: float, state: Array, h: float) -> Array:
    """One step of the classical fourth-order method."""
    k1 = slope(t, state)
    k2 = slope(t + h / 2, state + h / 2 * k1)
    k3 = slope(t + h / 2, state + h / 2 * k2)
    k4 = slope(t + h, state + h * k3)
    return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _events(labels: NDArray[np.int64], rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Angles, heights and widths of the five waves of each beat, (n, 5) each, with the variety of different hearts."""
    n = len(labels)
    angles, heights, widths = (np.tile(a, (n, 1)) for a in (ANGLES, HEIGHTS, WIDTHS))
    above = labels == 1  # from above the ventricles: P weak or upside down, and close to Q
    heights[above, 0] *= rng.uniform(-0.9, 0.35, int(above.sum()))
    angles[above, 0] += rng.uniform(0.0, 0.25, int(above.sum()))
    wide = np.array([-0.35, -0.05, 0.42, 1.9]), np.array([-1.5, 7.5, -4.0, -1.1]), np.array([0.12, 0.24, 0.24, 0.42])
    share = np.where(labels == 2, 1.0, np.where(labels == 3, rng.uniform(0.4, 0.6, n), 0.0))[:, None]
    for usual, other in zip((angles[:, 1:], heights[:, 1:], widths[:, 1:]), wide, strict=True):
        usual += share * (other - usual)
    heights[:, 2] *= np.where(labels == 3, 0.45, 1.0)  # half-way in width, an R wave is a b² / w high: keep it an R wave's size
    heights[:, 0] *= 1 - np.minimum(1.4 * share[:, 0], 1)
    return (angles + rng.normal(0, 0.02, (n, 5)) * (np.arange(5) != 2), heights * rng.lognormal(0, 0.12, (n, 5)),
            widths * rng.lognormal(0, 0.07, (n, 5)))
