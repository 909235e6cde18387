"""Measures of pictures and of curves: pure functions on planes and on points. NumPy only."""

from nvc.metrics.bdrate import BdRate, bd_rate, interpolate_log_rate
from nvc.metrics.msssim import ms_ssim
from nvc.metrics.psnr import PSNR_CAP, frame_psnr, psnr, psnr_611

__all__ = ["PSNR_CAP", "BdRate", "bd_rate", "frame_psnr", "interpolate_log_rate", "ms_ssim", "psnr", "psnr_611"]
