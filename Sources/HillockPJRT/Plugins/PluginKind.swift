import Glibc

/// What a plugin drives, and by which names its makers publish it.
package enum PluginKind: String, CaseIterable, Sendable {
    case xlaCPU = "xla-cpu"
    case cuda, rocm, oneapi, tpu

    /// The name of its devices: `cuda` in `cuda:1`.
    package var name: String { rawValue }

    /// For people.
    package var title: String {
        switch self {
        case .xlaCPU: "XLA on the CPU"
        case .cuda: "NVIDIA GPUs"
        case .rocm: "AMD GPUs"
        case .oneapi: "Intel GPUs"
        case .tpu: "Google TPUs"
        }
    }

    /// Where the library lies in a folder of Python packages, as patterns; the first that is there counts.
    package var libraryPatterns: [String] {
        switch self {
        case .xlaCPU:
            [
                "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so", "fastatomstruct_xla_cpu/libpjrt_cpu.so",
                "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
            ]
        case .cuda: ["jax_plugins/xla_cuda13/xla_cuda_plugin.so", "jax_plugins/xla_cuda1*/xla_cuda_plugin.so"]
        case .rocm: ["jax_plugins/xla_rocm*/xla_rocm_plugin.so"]
        case .oneapi: ["jax_plugins/xla_oneapi/xla_oneapi_plugin.so", "jax_plugins/intel_extension_for_openxla/pjrt_plugin_xpu.so"]
        case .tpu: ["libtpu/libtpu.so"]
        }
    }

    /// What pip installs: the plugin, and the libraries that it opens when it starts.
    package var packages: [String] {
        switch self {
        case .xlaCPU: ["lammps-jax-pjrt-cpu==0.11.2"]
        case .cuda:
            [
                "jax-cuda13-pjrt", "nvidia-cublas>=13.0.0.19", "nvidia-cuda-cupti>=13.0.48", "nvidia-cuda-nvcc>=13.0.48",
                "nvidia-cuda-runtime>=13.0.48", "nvidia-cuda-nvrtc>=13.0.48", "nvidia-cudnn-cu13>=9.12,<10", "nvidia-cufft>=12.0.0.15",
                "nvidia-cusolver>=12.0.3.29", "nvidia-cusparse>=12.6.2.49", "nvidia-nccl-cu13>=2.27.7", "nvidia-nvjitlink>=13.0.39",
                "nvidia-nvshmem-cu13>=3.3.20", "nvidia-nvvm>=13.0.48",
            ]
        case .rocm: ["jax-rocm7-pjrt"]
        case .oneapi: ["jax-oneapi-pjrt"]
        case .tpu: ["libtpu"]
        }
    }

    /// Whether pip may add what the packages depend on. XLA's plugins depend on nothing that Hillock uses.
    package var installsDependencies: Bool { self == .cuda }

    /// Whether there is such a device with its driver, by what drivers leave in the file system. A plugin without a device may take long to say so.
    package var hasDevice: Bool {
        func isThere(_ pattern: String) -> Bool { !FileSearch.matches(pattern).isEmpty }
        /// Whether one of these files holds the number of a maker of PCI devices.
        func isMade(by vendor: String, _ pattern: String) -> Bool {
            FileSearch.matches(pattern).contains { FileSearch.firstLine(of: $0) == vendor }
        }
        return switch self {
        case .xlaCPU: true
        case .cuda: isThere("/dev/nvidia[0-9]*") || isThere("/proc/driver/nvidia/version") || isThere("/dev/dxg")
        case .rocm: isThere("/dev/kfd")
        case .oneapi: isMade(by: "0x8086", "/sys/class/drm/renderD*/device/vendor")
        case .tpu: isThere("/dev/accel[0-9]*") || isThere("/dev/vfio/[0-9]*") && isMade(by: "0x1ae0", "/sys/bus/pci/devices/*/vendor")
        }
    }

    /// Where to look when there is no device although the plugin is there.
    var driverHint: String? {
        switch self {
        case .cuda: "nvidia-smi shows what the driver sees, and CUDA_VISIBLE_DEVICES may hide it"
        case .rocm: "rocm-smi shows what the driver sees, and HIP_VISIBLE_DEVICES may hide it"
        case .xlaCPU, .oneapi, .tpu: nil
        }
    }

    /// The kind that a library's path speaks of.
    package init?(ofLibrary path: String) {
        let words: [(PluginKind, [String])] = [
            (.cuda, ["cuda"]), (.rocm, ["rocm"]), (.oneapi, ["oneapi", "xpu"]), (.tpu, ["tpu"]), (.xlaCPU, ["cpu"]),
        ]
        let name = path.split(separator: "/").suffix(2).joined(separator: "/").lowercased()
        guard let kind = words.first(where: { $0.1.contains(where: name.contains) })?.0 else { return nil }
        self = kind
    }
}

extension PluginKind {
    /// The folder of Python packages that a library lies in, where it lies as pip puts it.
    func packageFolder(of path: String) -> String? {
        for pattern in libraryPatterns {
            let depth = pattern.split(separator: "/").count
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count > depth, fnmatch(pattern, parts.suffix(depth).joined(separator: "/"), 0) == 0 else { continue }
            return parts.dropLast(depth).joined(separator: "/")
        }
        return nil
    }

    /// Opens CUDA's libraries where pip put them beside the plugin, as JAX does: XLA looks them up later by these names, and finds them open.
    func preloadLibraries(of path: String) {
        guard self == .cuda, let folder = packageFolder(of: path) else { return }
        let names = [
            "libnvJitLink.so.1*", "libcudart.so.1*", "libnvrtc.so.1*", "libcublasLt.so.1*", "libcublas.so.1*", "libnccl.so.2",
            "libcupti.so.1*", "libcusparse.so.1*", "libcusolver.so.1*", "libcufft.so.1*", "libnvshmem_host.so.3", "libcudnn.so.9",
        ]
        for name in names {
            if let library = FileSearch.matches("\(folder)/nvidia/*/lib/\(name)").first { _ = dlopen(library, RTLD_NOW | RTLD_LOCAL) }
        }
    }

    /// XLA's settings that programs are compiled with.
    func compilerSettings(of path: String) -> [String: Client.Option] {
        switch self {
        // Minimum and maximum of NaN are NaN.
        case .xlaCPU: ["xla_cpu_enable_fast_min_max": .flag(false)]
        case .cuda: assemblerFolder(of: path).map { ["xla_gpu_cuda_data_dir": .text($0)] } ?? [:]
        case .rocm, .oneapi, .tpu: [:]
        }
    }

    /// Where CUDA's assembler and its library of device functions are, if pip put them beside the plugin.
    private func assemblerFolder(of path: String) -> String? {
        guard let folder = packageFolder(of: path) else { return nil }
        let places = FileSearch.matches("\(folder)/nvidia/cuda_nvcc/bin/ptxas") + FileSearch.matches("\(folder)/nvidia/cu1*/bin/ptxas")
        return places.last.map { String($0.dropLast("/bin/ptxas".count)) }
    }
}
