import HillockCore
import HillockFormats

/// Everything that a training run needs to go on as if it had never stopped.
///
/// One safetensors file: the tensors `model.…` (parameters and buffers), `optimizer.…` and `history.…`; position, settings and finished
/// epochs as JSON in its metadata. It is written to a temporary file and renamed, so whoever reads it sees the old one or the new one whole.
public struct Checkpoint: Sendable {
    /// What the run was started with.
    public var settings: [Setting]
    /// Where the run stands.
    public var position: Position
    /// What happened so far.
    public var history: TrainingHistory
    /// The model's parameters and buffers, by name.
    public var model: [String: HostArray]
    /// The optimizer's state, by name.
    public var optimizer: [String: HostArray]

    /// Where a run stands.
    public struct Position: Sendable, Hashable, Codable {
        /// Finished epochs.
        public var epoch: Int
        /// Steps done in the epoch that is not finished. As many as an epoch has where only its evaluation is missing.
        public var step: Int
        /// Seed of the source that the steps draw random keys from.
        public var randomSeed: UInt64
        /// How many keys were drawn.
        public var randomPosition: UInt64
        /// Seconds of work so far.
        public var seconds: Double
        /// Seconds of the steps done in the epoch that is not finished.
        public var epochSeconds: Double
        /// Seconds that steps waited for their data.
        public var dataSeconds: Double
        /// When the run was started, in seconds since 1970.
        public var started: Double

        /// A place of these values.
        public init(
            epoch: Int, step: Int, randomSeed: UInt64, randomPosition: UInt64, seconds: Double, epochSeconds: Double, dataSeconds: Double,
            started: Double
        ) {
            self.epoch = epoch
            self.step = step
            self.randomSeed = randomSeed
            self.randomPosition = randomPosition
            self.seconds = seconds
            self.epochSeconds = epochSeconds
            self.dataSeconds = dataSeconds
            self.started = started
        }
    }

    /// A checkpoint of these parts.
    public init(
        settings: [Setting], position: Position, history: TrainingHistory, model: [String: HostArray], optimizer: [String: HostArray]
    ) {
        self.settings = settings
        self.position = position
        self.history = history
        self.model = model
        self.optimizer = optimizer
    }
}

// MARK: - The file

extension Checkpoint {
    private static let format = "hillock checkpoint 1"

    /// Creates or replaces the file, atomically: whatever fails, the old one stands as it was.
    /// - Throws: ``FileError`` when it cannot be written.
    public func write(to path: String) throws {
        var tensors: [String: HostArray] = [:]
        for (name, array) in model { tensors["model." + name] = array }
        for (name, array) in optimizer { tensors["optimizer." + name] = array }
        tensors["history.losses"] = HostArray(history.steps.losses)
        tensors["history.samples"] = HostArray(history.steps.sampleCounts)
        for (name, sums) in history.steps.sums { tensors["history.sums." + name] = HostArray(sums) }
        let metadata = [
            "format": Self.format, "settings": try Self.json(settings), "position": try Self.json(position),
            "epochs": try Self.json(history.epochs),
        ]
        try Safetensors.write(tensors, metadata: metadata, to: path)
    }

    /// Reads a file.
    /// - Throws: ``FileError``, ``FormatError``, or ``CheckpointError/notACheckpoint(path:reason:)``.
    public init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        guard let format = file.metadata["format"] else {
            throw CheckpointError.notACheckpoint(path: path, reason: "its metadata has no \"format\"")
        }
        guard format == Self.format else {
            throw CheckpointError.notACheckpoint(path: path, reason: "its format is \"\(format)\", this program reads \"\(Self.format)\"")
        }
        settings = try Self.decode("settings", of: file)
        position = try Self.decode("position", of: file)
        history = TrainingHistory()
        history.epochs = try Self.decode("epochs", of: file)
        model = [:]
        optimizer = [:]
        for entry in file.entries {
            if let name = entry.name.dropping(prefix: "model.") {
                model[name] = try file.array(named: entry.name)
            } else if let name = entry.name.dropping(prefix: "optimizer.") {
                optimizer[name] = try file.array(named: entry.name)
            } else if let name = entry.name.dropping(prefix: "history.sums.") {
                history.steps.sums[name] = try Self.column(entry.name, of: file)
            }
        }
        history.steps.losses = try Self.column("history.losses", of: file)
        history.steps.sampleCounts = try Self.column("history.samples", of: file)
        try checkLengths(path)
    }

    /// A file that was put together by hand may hold columns of different lengths, which would stop the program later.
    private func checkLengths(_ path: String) throws {
        let count = history.steps.count
        let lengths = [history.steps.sampleCounts.count] + history.steps.sums.values.map(\.count)
        guard position.epoch >= 0, position.step >= 0, history.epochs.count == position.epoch, lengths.allSatisfy({ $0 == count }),
            position.step <= count, history.steps.sampleCounts.allSatisfy({ $0 > 0 }),
            history.epochs.allSatisfy({ $0.step >= 0 && $0.step <= count })
        else { throw CheckpointError.notACheckpoint(path: path, reason: "its history does not fit its position") }
    }

    private static func column<Element: TensorElement>(_ name: String, of file: SafetensorsFile) throws -> [Element] {
        guard let entry = file.entry(named: name) else {
            throw CheckpointError.notACheckpoint(path: file.path, reason: "it has no \(name)")
        }
        guard entry.dtype == Element.dtype, entry.shape.rank == 1 else {
            throw CheckpointError.notACheckpoint(
                path: file.path, reason: "\(name) is \(entry.dtype)\(entry.shape), expected \(Element.dtype)[n]")
        }
        return try file.array(named: name).elements()
    }

    private static func json(_ value: some Encodable) throws -> String { try JSONValue(encoding: value).text() }

    private static func decode<Value: Decodable>(_ name: String, of file: SafetensorsFile) throws -> Value {
        guard let text = file.metadata[name] else {
            throw CheckpointError.notACheckpoint(path: file.path, reason: "its metadata has no \"\(name)\"")
        }
        do {
            return try JSONReader.read(Array(text.utf8)[...], file: file.path).decode()
        } catch {
            throw CheckpointError.notACheckpoint(path: file.path, reason: "its metadata \"\(name)\" is not what it should be")
        }
    }
}

extension String {
    /// The rest of the text after a prefix, or `nil` where it does not begin so.
    fileprivate func dropping(prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}

// MARK: - Going on

extension Checkpoint {
    /// Checks that a run started with `given` is the run of this checkpoint. Settings that only one of them has count as `none`.
    /// - Throws: ``CheckpointError/otherSetting(path:name:saved:given:)`` for the first that differs.
    public func check(_ given: [Setting], path: String) throws {
        func value(_ name: String, in settings: [Setting]) -> String { settings.first { $0.name == name }?.value ?? "none" }
        for name in given.map(\.name) + settings.map(\.name) {
            let (saved, now) = (value(name, in: settings), value(name, in: given))
            guard saved == now else { throw CheckpointError.otherSetting(path: path, name: name, saved: saved, given: now) }
        }
    }
}
