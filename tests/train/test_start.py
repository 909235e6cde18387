import numpy as np

from nvc.train.data import Samples
from nvc.train.losses import Coder
from nvc.train.start import set_start, start_indices


def test_indices_fit_the_coefficients(small_model, prepared):
    coder = Coder(small_model)
    samples = Samples(prepared)
    found = start_indices(coder, samples, 8)
    assert found.shape == (6, 9, 384) and (found >= 0).all() and (found <= 63).all()
    batch = samples.batch(range(8))
    y = coder.model.transform(batch.source - batch.prediction, 256 * 16.0 / batch.steps).abs().mean((0, 2, 3)).numpy()
    # Samples have qualities 20 to 27: between anchors 2 and 4.
    middle = found[:5, 2:5].mean((0, 1))
    assert np.corrcoef(middle, np.log2(y))[0, 1] > 0.7


def test_the_network_starts_at_them(small_model, prepared):
    coder = Coder(small_model)
    set_start(coder, Samples(prepared))
    outcome = coder(Samples(prepared).batch([0]))
    want = start_indices(coder, Samples(prepared), 8)
    assert abs(outcome.indices.mean().item() - want[0, 2:4].mean()) < 3
