import CKernels

/// The kernel variants of this machine, best first.
let variants: [String] = (0..<resift_kernels_count()).map { String(cString: resift_kernels_at($0)!.pointee.name) }

/// Widths around every lane count, panel width and tile.
let widths = [1, 2, 3, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 127, 128, 129, 384]
