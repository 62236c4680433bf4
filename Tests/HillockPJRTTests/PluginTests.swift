import CPJRT
import HillockPJRT
import TestFolders
import Testing

/// The table of functions, and plugins that cannot be used.
@Suite struct PluginTests {
    private func table(_ change: (inout PJRT_Api) -> Void) -> PJRT_Api {
        var table = PJRT_Api()
        table.struct_size = MemoryLayout<PJRT_Api>.size
        table.pjrt_api_version.minor_version = 90
        change(&table)
        return table
    }

    @Test func tooOldAPluginIsRefusedWithTheVersionWanted() {
        var old = table { $0.pjrt_api_version.minor_version = 20 }
        #expect {
            try Plugin.copy(&old, of: "old.so")
        } throws: {
            "\($0)"
                == "[old.so] cannot use the plugin: it speaks version 0.20 of PJRT; Hillock needs 0.54 or later of major version 0"
        }
        var other = table { $0.pjrt_api_version.major_version = 1 }
        #expect(throws: PJRTError.self) { try Plugin.copy(&other, of: "other.so") }
        var empty = table { $0.struct_size = 16 }
        #expect(throws: PJRTError.self) { try Plugin.copy(&empty, of: "empty.so") }
    }

    @Test func whatAShorterTableLacksIsNil() throws {
        var full = table {
            $0.PJRT_Error_GetCode = { _ in nil }
            $0.PJRT_Executable_GetCompiledMemoryStats = { _ in nil }
        }
        let whole = try Plugin.copy(&full, of: "full.so")
        #expect(whole.PJRT_Error_GetCode != nil && whole.PJRT_Executable_GetCompiledMemoryStats != nil)
        // The last function is beyond its end, whatever lies there.
        full.struct_size = MemoryLayout<PJRT_Api>.size - 8
        let short = try Plugin.copy(&full, of: "short.so")
        #expect(short.PJRT_Error_GetCode != nil && short.PJRT_Executable_GetCompiledMemoryStats == nil)
    }

    @Test func whatIsNoPluginIsSaid() throws {
        let folder = try TemporaryFolder()
        try folder.write("cpu.so", Array("no library".utf8))
        #expect {
            try Plugin(.xlaCPU, path: "\(folder.path)/cpu.so")
        } throws: {
            ($0 as? PJRTError)?.code == .unusablePlugin && "\($0)".contains("\(folder.path)/cpu.so")
        }
        #expect {
            try Plugin(.xlaCPU, path: "libc.so.6")
        } throws: {
            "\($0)".hasSuffix("it is a shared library but no PJRT plugin: it has no function GetPjrtApi")
        }
    }

    @Test(.enabled(if: TestPlugin.isThere)) func aLoadedPluginHasTheFunctionsThatAreCalled() throws {
        let plugin = try TestPlugin.open()
        #expect(plugin.apiVersion.major == 0 && plugin.apiVersion.minor >= Plugin.oldestMinorVersion)
        #expect(plugin.tableSize >= MemoryLayout<PJRT_Api>.size, "every function that is declared is in the plugin's table")
        #expect(plugin.missingFunctions == [])
        #expect(plugin.stableHLOVersion?.split(separator: ".").count == 3)
        // A record whose size the plugin does not accept is an error, not a crash: this is how a wrong size would show.
        #expect(throws: PJRTError.self) { try plugin.checkSize(ofFirstRecord: 8) }
        try plugin.checkSize(ofFirstRecord: MemoryLayout<PJRT_Plugin_Attributes_Args>.size)
    }

    @Test(.enabled(if: TestPlugin.isThere)) func aClientHasTheDevicesAskedFor() throws {
        let client = try #require(TestPlugin.client)
        #expect(client.platform == "cpu")
        #expect(client.devices.count == 4)
        #expect(Set(client.devices.map(\.id)).count == 4)
        #expect {
            try client.device(4)
        } throws: {
            "\($0)" == "[xla-cpu:4] cannot use this device: there are 4, numbered from 0; hillock devices lists them"
        }
    }

    @Test(.enabled(if: TestPlugin.isThere)) func anOptionThatDoesNotExistIsAnError() throws {
        let plugin = try TestPlugin.open()
        // Plugins before that take any option and do nothing with it.
        guard plugin.apiVersion.minor >= 115 else { return }
        #expect {
            _ = try Client(plugin, options: ["no_such_option": .flag(true)])
        } throws: {
            ($0 as? PJRTError)?.code == .invalidArgument && "\($0)".contains("no_such_option")
        }
    }
}
