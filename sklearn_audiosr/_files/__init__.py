"""Sound files of any length, super-resolved in bounded memory."""

from sklearn_audiosr._files._rates import describe_rate, is_header_of
from sklearn_audiosr._files._upsampling import upsample_file

__all__ = ["describe_rate", "is_header_of", "upsample_file"]
