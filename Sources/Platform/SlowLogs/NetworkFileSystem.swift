// File systems on which a write may take as long as a network, or another process, likes.

import CLinux

/// Tells such file systems by the numbers that fstatfs(2) gives them.
public enum NetworkFileSystem {
  /// True when the open file lies on one.
  public static func holds(_ descriptor: Descriptor) -> Bool {
    isOne(clinux_file_system(descriptor.number))
  }

  /// True when the number is that of one. Unknown ones count as local: most new ones are.
  public static func isOne(_ number: Int64) -> Bool { numbers.contains(number) }

  private static let numbers: Set<Int64> = [
    0x6969,  // NFS
    0x517B,  // SMB
    0xFF53_4D42,  // CIFS
    0xFE53_4D42,  // SMB 2 and 3
    0x6573_5546,  // FUSE: sshfs, s3fs, GlusterFS
    0x00C3_6400,  // Ceph
    0x0102_1997,  // 9P
    0x5346_414F,  // AFS
    0x6B41_4653,  // AFS in the kernel
    0x7375_7245,  // Coda
    0x0BD0_0BD0,  // Lustre
    0x4750_4653,  // GPFS
    0x0116_1970,  // GFS2
    0x7461_636F,  // OCFS2
    0x786F_4256,  // VirtualBox's shared folders
  ]
}
