import HillockPJRT
import TestFolders
import Testing

/// Plugins are found where they are put.
@Suite struct CatalogTests {
    @Test func placesAreLookedAtInOrder() throws {
        let folder = try TemporaryFolder()
        try folder.write("own/cuda/jax_plugins/xla_cuda13/xla_cuda_plugin.so")
        try folder.write("pip/jax_plugins/xla_cuda12/xla_cuda_plugin.so")
        try folder.write("pip/jax_plugins/xla_cuda13/xla_cuda_plugin.so")
        try folder.write("pip/libtpu/libtpu.so")
        try folder.write("elsewhere/plugin.so")
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
            #expect(!kind.packages.isEmpty && !kind.libraryPatterns.isEmpty && !kind.title.isEmpty)
            #expect(PluginKind(rawValue: kind.name) == kind)
        }
    }

    @Test func installingNeedsAHomeFolder() {
        #expect {
            try PluginInstaller(.cuda, catalog: PluginCatalog(choice: nil, ownFolder: nil, packageFolders: []))
        } throws: {
            "\($0)" == "[cuda] cannot install the plugin: there is no home folder; set HOME or XDG_DATA_HOME"
        }
    }

    @Test func pipIsAskedForNothingElse() throws {
        let catalog = PluginCatalog(choice: nil, ownFolder: "/home/somebody/plugins", packageFolders: [])
        let installer: PluginInstaller
        do {
            installer = try PluginInstaller(.xlaCPU, catalog: catalog)
        } catch {
            // Without Python, that is said.
            #expect(error.code == .notFound && error.hint?.contains("python3-pip") == true)
            return
        }
        #expect(installer.folder == "/home/somebody/plugins/xla-cpu")
        #expect(
            installer.command(into: "there").dropFirst().joined(separator: " ")
                == "-m pip install --disable-pip-version-check --no-input --no-compile --only-binary=:all: --retries=2 --target there --no-deps lammps-jax-pjrt-cpu==0.11.2"
        )
    }

    @Test func whatPipComplainsAboutIsOneLine() {
        let offline = [
            "WARNING: Retrying (Retry(total=1, …)) after connection broken by 'NameResolutionError(\"…: Failed to resolve 'pypi.org'\")'",
            "ERROR: Could not find a version that satisfies the requirement libtpu (from versions: none)",
        ]
        let network = PluginInstaller.explanation(of: offline, 1)
        #expect(
            network.reason == "pip cannot reach the package index" && network.hint == "is there a network? behind a proxy set HTTPS_PROXY")
        let other = PluginInstaller.explanation(of: ["WARNING: old", offline[1], "ERROR: No matching distribution found"], 1)
        #expect(other.reason == "pip says: Could not find a version that satisfies the requirement libtpu (from versions: none)")
        #expect(PluginInstaller.explanation(of: [], 3).reason == "pip ended with status 3")
    }

    @Test func theSurveyHasEveryKind() {
        let empty = PluginCatalog(choice: nil, ownFolder: nil, packageFolders: [])
        for kind in PluginKind.allCases {
            let survey = AcceleratorSurvey(kind, empty)
            #expect(survey.devices.isEmpty && survey.plugin == nil)
            #expect(survey.problem?.hasSuffix("hillock devices install \(kind.name)") == true)
        }
        guard let entry = TestPlugin.entry else { return }
        let survey = AcceleratorSurvey(.xlaCPU, PluginCatalog(choice: "xla-cpu=\(entry.path)", ownFolder: nil, packageFolders: []))
        #expect(survey.devices.first?.name == "xla-cpu" && survey.problem == nil)
        #expect(survey.plugin?.hasPrefix("PJRT 0.") == true)
    }
}
