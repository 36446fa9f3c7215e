"""The heart's equations: waves in their order, the tachogram's two peaks, and an integration that has converged."""

import math

import numpy as np
import pytest

from tinyconv.data.makers.ecg import BEATS, ecg, heartbeats, rr_tachogram
from tinyconv.errors import DataError


def test_tachogram_has_peaks_at_a_tenth_and_a_quarter_hertz():
    intervals = rr_tachogram(600, 4, np.random.default_rng(0), heart_rate=60, heart_rate_std=3, lf_hf=0.5)
    power = np.abs(np.fft.rfft((intervals - intervals.mean()) * np.hanning(len(intervals)))) ** 2
    f = np.fft.rfftfreq(len(intervals), 1 / 4)
    low, high = (f > 0.05) & (f < 0.15), (f > 0.2) & (f < 0.3)
    assert (f[low] * power[low]).sum() / power[low].sum() == pytest.approx(0.1, abs=0.01)
    assert (f[high] * power[high]).sum() / power[high].sum() == pytest.approx(0.25, abs=0.01)
    assert power[low].sum() / power[high].sum() == pytest.approx(0.5, rel=0.35)
    assert power[low | high].sum() > 0.99 * power.sum()


@pytest.mark.parametrize("rate", [45, 60, 120])
def test_tachogram_has_the_mean_and_spread_of_the_heart_rate(rate):
    intervals = rr_tachogram(900, 2, np.random.default_rng(1), heart_rate=rate, heart_rate_std=2)
    assert intervals.mean() == pytest.approx(60 / rate, rel=0.003)
    assert (60 / intervals).std() == pytest.approx(2, rel=0.1)


def test_lf_hf_moves_the_power():
    def ratio(lf_hf):
        wave = rr_tachogram(600, 2, np.random.default_rng(2), lf_hf=lf_hf)
        power = np.abs(np.fft.rfft(wave - wave.mean())) ** 2
        f = np.fft.rfftfreq(len(wave), 1 / 2)
        return power[(f > 0.05) & (f < 0.15)].sum() / power[(f > 0.2) & (f < 0.3)].sum()

    assert ratio(5.0) > 5 * ratio(0.5)


@pytest.mark.parametrize("rate", [50, 60, 90])
def test_beats_come_at_the_heart_rate(rate):
    signal, peaks = ecg(20, 128, np.random.default_rng(3), heart_rate=rate)
    assert signal.shape == (2560,)
    assert signal.dtype == np.float32
    assert peaks.dtype == np.int64
    assert (np.diff(peaks) > 0).all()
    assert 60 / np.diff(peaks / 128).mean() == pytest.approx(rate, rel=0.03)


def test_peaks_are_the_maxima_around_them():
    signal, peaks = ecg(12, 200, np.random.default_rng(4))
    for peak in peaks[1:-1]:
        assert signal[peak] == signal[peak - 60 : peak + 60].max()
    assert signal[peaks].mean() == pytest.approx(1.1, abs=0.15)  # millivolts


def test_waves_come_in_the_order_p_q_r_s_t():
    signal, peaks = ecg(6, 256, np.random.default_rng(5), breathing=0.0, heart_rate_std=0.0)
    beat = signal[peaks[2] - 100 : peaks[2] + 130]
    p, q, r, s, t = (low + fit(beat[low:high]) for low, high, fit in (
        (20, 75, np.argmax), (75, 100, np.argmin), (90, 110, np.argmax), (100, 120, np.argmin), (130, 200, np.argmax)))
    assert p < q < r == 100 < s < t
    assert beat[s] < beat[q] < 0 < beat[p] < beat[t] < beat[r]
    assert (r - p) / 256 == pytest.approx(1 / 6, abs=0.02)  # theta_P = -pi / 3 of a second's cycle
    assert (t - r) / 256 == pytest.approx(1 / 4, abs=0.03)  # theta_T = pi / 2


def test_integration_has_converged():
    coarse, fine = (ecg(5, 256, np.random.default_rng(6), substeps=steps)[0] for steps in (1, 2))
    assert np.abs(coarse - fine).max() < 1e-4


def test_error_falls_with_the_fourth_power_of_the_step():
    one, two, eight = (ecg(2.5, 64, np.random.default_rng(7), substeps=steps)[0].astype(float) for steps in (1, 2, 16))
    assert np.abs(one - eight).max() > 8 * np.abs(two - eight).max()


def test_breathing_moves_the_baseline_at_a_quarter_hertz():
    still, breath = (ecg(24, 64, np.random.default_rng(8), breathing=amount, substeps=2)[0] for amount in (0.0, 0.15))
    swing = (breath - still)[8 * 64 :].astype(float)  # four whole swings, the start's transient over
    power = np.abs(np.fft.rfft(swing - swing.mean()))
    assert np.fft.rfftfreq(len(swing), 1 / 64)[power.argmax()] == pytest.approx(0.25, abs=0.01)
    # z follows z0 through a low pass of one second: 1 / sqrt(1 + (2 pi / 4)²) of it arrives.
    assert (swing.max() - swing.min()) / 2 == pytest.approx(0.15 / math.hypot(1, math.pi / 2), rel=0.02)


def test_ecg_repeats_and_noise_is_as_large_as_asked():
    first, again = (ecg(4, 100, np.random.default_rng(9))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    noisy, _ = ecg(4, 100, np.random.default_rng(9), noise=0.1)
    assert (noisy - first).std() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("change", [
    {"seconds": 0}, {"seconds": math.nan}, {"rate": 10}, {"heart_rate": 0}, {"heart_rate": math.inf}, {"heart_rate_std": -1},
    {"lf_hf": 0}, {"breathing": -0.1}, {"noise": -1}, {"noise": math.nan}, {"substeps": 0}, {"rng": 3}, {"seconds": "5"},
])
def test_ecg_refuses_impossible_hearts(change):
    arguments = {"seconds": 1, "rate": 64, "rng": np.random.default_rng(0)} | change
    with pytest.raises(DataError, match=r"^ecg: .+ is "):
        ecg(**arguments)


@pytest.fixture(scope="module")
def beats():
    return heartbeats(200, np.random.default_rng(10), noise=0.0)


def test_heartbeats_are_even_labelled_windows(beats):
    signals, labels = beats
    assert signals.shape == (200, 128, 1)
    assert signals.dtype == np.float32
    assert np.isfinite(signals).all()
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(labels), [50, 50, 50, 50])


def test_normal_beats_have_their_r_wave_in_the_middle_and_a_p_wave_before(beats):
    normal = beats[0][beats[1] == BEATS.index("normal"), :, 0]
    assert np.abs(normal.argmax(axis=1) - 64).max() <= 2
    mean = normal.mean(axis=0)
    assert mean[38:46].max() > mean[:20].mean() + 0.15
    assert mean[85:105].max() > mean[115:].mean() + 0.2  # T upright


def test_ventricular_beats_are_wide_have_no_p_and_an_inverted_t(beats):
    signals, labels = beats

    def width(kind):
        waves = signals[labels == kind, 40:90, 0]
        base = signals[labels == kind, 40:52, 0].mean(axis=1, keepdims=True)
        return (waves - base > 0.4 * (waves - base).max(axis=1, keepdims=True)).sum(axis=1).mean()

    assert width(2) > 1.8 * width(0)
    mean = signals[labels == 2, :, 0].mean(axis=0)
    assert mean[95:120].mean() < mean[35:55].mean() - 0.3
    assert np.ptp(mean[36:50]) < 0.12


def test_supraventricular_beats_are_narrow_early_and_have_no_normal_p(beats):
    signals, labels = beats
    mean = signals[labels == 1, :, 0].mean(axis=0)
    normal = signals[labels == 0, :, 0].mean(axis=0)
    assert mean[:16].max() > mean[30:40].mean() + 0.1  # the former T wave, close before an early beat
    assert np.ptp(mean[34:48]) < 0.6 * np.ptp(normal[34:48])
    assert (mean[50:80] > 0.5 * mean.max()).sum() <= (normal[50:80] > 0.5 * normal.max()).sum() + 1


def test_heartbeats_repeat_and_vary(beats):
    first, again = (heartbeats(8, np.random.default_rng(11))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    normal = beats[0][beats[1] == 0, :, 0]
    assert normal[:, 64].std() > 0.05


def test_heartbeats_have_the_length_asked():
    signals, labels = heartbeats(5, np.random.default_rng(12), length=61, rate=100.0)
    assert signals.shape == (5, 61, 1)
    assert labels.shape == (5,)
    assert signals[labels == 0, 28:33].max() == signals[labels == 0].max()


@pytest.mark.parametrize("change", [{"n": 0}, {"length": 15}, {"rate": 20}, {"noise": -0.1}, {"rng": None}, {"n": 2.0}])
def test_heartbeats_refuse_bad_arguments(change):
    arguments = {"n": 4, "rng": np.random.default_rng(0)} | change
    with pytest.raises(DataError, match=r"^heartbeats: \w+ is "):
        heartbeats(**arguments)
