"""Is a folder on a network file system?"""

from pathlib import Path

NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs")
) | frozenset(f"fuse.{name}" for name in ("sshfs", "glusterfs", "ceph", "s3fs", "rclone", "gcsfuse"))
MOUNTS = Path("/proc/mounts")


def network_file_system(folder: Path, *, mounts: Path = MOUNTS) -> str | None:
    """The kind of network file system that holds the folder, None for a local one.

    mounts: the kernel's table; a system without one (macOS) is taken as local.
    """
    if not mounts.exists():
        return None
    target = folder.resolve()
    best, kind = Path("/"), None
    for line in mounts.read_text(errors="replace").splitlines():
        _, point, name = line.split(" ")[:3]
        place = Path(_unescape(point))
        # A later line hides an earlier one of the same place.
        if target.is_relative_to(place) and len(place.parts) >= len(best.parts):
            best, kind = place, name
    return kind if kind in NETWORK else None


def _unescape(point: str) -> str:
    for octal in ("\\040", "\\011", "\\012", "\\134"):
        point = point.replace(octal, chr(int(octal[1:], 8)))
    return point
