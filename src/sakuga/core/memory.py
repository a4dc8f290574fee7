"""The C library's heap."""

import ctypes
import platform

# Of <malloc.h>. A count of bytes is an int there.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_REUSED, _MOST_KEPT = 2**30, 2**31 - 1


def keep_freed_memory() -> None:
    """Lets glibc keep freed blocks of up to 1 GiB, 2 GiB in all, for the next ones.

    As it comes, it gets each block above 32 MB from the kernel and returns it when it is freed. The activations of a
    network are that large: a third of the time of a measurement goes into pages that are mapped and cleared once more
    (mallopt(3)). Does nothing with another C library.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        if libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_REUSED):  # older ones refuse more than 32 MB
            libc.mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT)
