import HillockPJRT
import Testing

/// Plugins are found where they are put.
@Suite struct CatalogTests {
    @Test func placesAreLookedAtInOrder() throws {
        let folder = TemporaryFolder()
        folder.write("own/cuda/jax_plugins/xla_cuda13/xla_cuda_plugin.so")
        folder.write("pip/jax_plugins/xla_cuda12/xla_cuda_plugin.so")
        folder.write("pip/jax_plugins/xla_cuda13/xla_cuda_plugin.so")
        folder.write("pip/libtpu/libtpu.so")
        folder.write("elsewhere/plugin.so")
        let path = folder.path
        func catalog(_ choice: String?) -> PluginCatalog {
            PluginCatalog(choice: choice, ownFolder: "\(path)/own", packageFolders: ["\(path)/none", "\(path)/pip"])
        }
        #expect(
            try catalog(nil).entries(.cuda).map(\.path) == [
                "\(path)/own/cuda/jax_plugins/xla_cuda13/xla_cuda_plugin.so", "\(path)/pip/jax_plugins/xla_cuda13/xla_cuda_plugin.so",
            ])
        #expect(try catalog(nil).entry(.tpu) == .init(kind: .tpu, path: "\(path)/pip/libtpu/libtpu.so", origin: "pip"))
        let chosen = try catalog("cuda=\(path)/elsewhere/plugin.so").entry(.cuda)
        #expect(chosen.path == "\(path)/elsewhere/plugin.so" && chosen.origin == "HILLOCK_PJRT_PLUGIN")
        #expect {
            try catalog(nil).entry(.rocm)
        } throws: {
            "\($0)"
                == "[rocm] cannot use AMD GPUs: no plugin for them is installed; install it by hillock devices install rocm, or name one by HILLOCK_PJRT_PLUGIN=PATH"
        }
        #expect {
            try catalog("\(path)/elsewhere/plugin.so").entries(.cuda)
        } throws: {
            "\($0)".contains("what it drives is not known; write KIND=")
        }
        #expect {
            try catalog("\(path)/xla_cuda_plugin.so").entries(.cuda)
        } throws: {
            "\($0)" == "[\(path)/xla_cuda_plugin.so] cannot use HILLOCK_PJRT_PLUGIN: there is no such file"
        }
    }

    @Test(arguments: [
        ("jax_plugins/xla_cuda13/xla_cuda_plugin.so", PluginKind.cuda), ("xla_rocm7/xla_rocm_plugin.so", .rocm),
        ("xla_oneapi/xla_oneapi_plugin.so", .oneapi), ("intel_extension_for_openxla/pjrt_plugin_xpu.so", .oneapi),
        ("libtpu/libtpu.so", .tpu), ("lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so", .xlaCPU),
    ]) func aLibrarysNameTellsWhatItDrives(path: String, kind: PluginKind) {
        #expect(PluginKind(ofLibrary: path) == kind)
    }

    @Test func everyKindCanBeInstalled() {
        for kind in PluginKind.allCases {
            #expect(!kind.packages.isEmpty && !kind.libraryPatterns.isEmpty && !kind.driverPatterns.isEmpty)
            #expect(PluginKind(rawValue: kind.name) == kind)
        }
    }
}
