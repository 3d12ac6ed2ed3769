// The script that grows the root file system of a guest to the end of a disk that is larger than
// the one its image was made on: the partition, the volume of LVM, then the file system, as far as
// the guest has the programs. It never fails, because a machine with a small root is better than
// none; what its programs said is in a file that is gone with the next boot.

const log = '/run/silversmith/growth.log';
/** A partition that ends so near to the end of its disk is not grown; a GPT has its copy there. */
const sectorsLeft = 4096;
const toolSeconds = 120;

/**
 * Runs in any POSIX shell, after PATH was set. Does nothing where the root is on another kind of
 * volume, or where something lies behind its partition.
 */
export const growRoot = `mkdir -p /run/silversmith
(
  limited() {
    if command -v timeout >/dev/null; then timeout ${toolSeconds} "$@"; else "$@"; fi
  }
  grow_partition() {
    [ -e "/sys/class/block/$1/partition" ] || return 0
    above=$(readlink -f "/sys/class/block/$1/..")
    disk=\${above##*/}
    read -r number <"/sys/class/block/$1/partition"
    read -r start <"/sys/class/block/$1/start"
    read -r size <"/sys/class/block/$1/size"
    read -r all <"/sys/class/block/$disk/size"
    [ $((all - start - size)) -ge ${sectorsLeft} ] || return 0
    limited growpart "/dev/$disk" "$number"
    # It ends with 1 where there is no room behind the partition.
    [ $? -gt 1 ] || return 0
    echo ', +' | limited sfdisk -q --no-reread -N "$number" "/dev/$disk"
    limited partx -u "/dev/$1"
  }
  source=$(findmnt -nvo SOURCE / || sed -n 's/^\\(\\/dev\\/[^ ]*\\) \\/ .*/\\1/p' /proc/mounts)
  name=$(readlink -f "$source")
  name=\${name##*/}
  case $name in
  dm-*)
    group=$(limited lvs --noheadings -o vg_name "$source") || exit 0
    for volume in $(limited pvs --noheadings -o pv_name -S "vg_name=\${group##* }"); do
      part=$(readlink -f "$volume")
      grow_partition "\${part##*/}"
      limited pvresize "$volume"
    done
    limited lvextend -l +100%FREE "$source"
    ;;
  *) grow_partition "$name" ;;
  esac
  [ -x /lib/systemd/systemd-growfs ] && limited /lib/systemd/systemd-growfs / && exit 0
  case $(sed -n 's/^[^ ]* \\/ \\([^ ]*\\) .*/\\1/p' /proc/mounts | tail -n 1) in
  ext?) limited resize2fs "$source" ;;
  xfs) limited xfs_growfs / ;;
  btrfs) limited btrfs filesystem resize max / ;;
  esac
) >${log} 2>&1 </dev/null 9>&-
`;
