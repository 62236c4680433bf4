import CPJRT

/// Something that a plugin does meanwhile: it ends well or with an error.
struct Event: ~Copyable {
    private let plugin: Plugin
    private let pointer: OpaquePointer

    /// Takes over a plugin's event.
    init(_ plugin: Plugin, _ pointer: OpaquePointer) {
        self.plugin = plugin
        self.pointer = pointer
    }

    deinit {
        var record = PJRT_Event_Destroy_Args.sized()
        record.event = pointer
        plugin.release(plugin.table.PJRT_Event_Destroy, &record)
    }

    /// Whether it has ended.
    var isReady: Bool {
        var record = PJRT_Event_IsReady_Args.sized()
        record.event = pointer
        return (try? plugin.call(plugin.table.PJRT_Event_IsReady, &record, "ask an event")) != nil && record.is_ready
    }

    /// Waits for the end.
    func wait(_ action: @autoclosure () -> String) throws(PJRTError) {
        var record = PJRT_Event_Await_Args.sized()
        record.event = pointer
        try plugin.call(plugin.table.PJRT_Event_Await, &record, action())
    }

    /// Calls `body` when it has ended, on whatever thread that happens on.
    func whenReady(_ action: String, _ body: @escaping @Sendable (PJRTError?) -> Void) throws(PJRTError) {
        final class Call {
            let plugin: Plugin
            let action: String
            let body: @Sendable (PJRTError?) -> Void
            init(_ plugin: Plugin, _ action: String, _ body: @escaping @Sendable (PJRTError?) -> Void) {
                (self.plugin, self.action, self.body) = (plugin, action, body)
            }
        }
        let call = Unmanaged.passRetained(Call(plugin, action, body))
        var record = PJRT_Event_OnReady_Args.sized()
        record.event = pointer
        record.user_arg = call.toOpaque()
        record.callback = { error, argument in
            guard let argument else { return }
            let call = Unmanaged<Call>.fromOpaque(argument).takeRetainedValue()
            call.body(error.map { call.plugin.error($0, call.action) })
        }
        do {
            try plugin.call(plugin.table.PJRT_Event_OnReady, &record, action)
        } catch {
            call.release()
            throw error
        }
    }
}
