import HillockCore

/// Something with parameters: a struct whose stored properties are modules, ``Parameter``s (trained, saved), ``Buffer``s (saved, not
/// trained) or plain settings (neither). Optionals and arrays of these are walked too.
///
/// The property path is the name in checkpoints, camelCase made snake_case: `blocks.2.norm1.running_mean`.
public protocol Module: Sendable {
    /// Names in checkpoints of properties that the rule does not give: `["runningVariance": "running_var"]`. An empty name leaves the
    /// property out of the path, as `Sequential` does with its list of layers.
    static var checkpointNames: [String: String] { get }
}

extension Module {
    /// None: the rule names every property.
    public static var checkpointNames: [String: String] { [:] }
}

/// A module that maps a tensor to a tensor.
public protocol Layer: Module {
    /// Applies the layer.
    func callAsFunction(_ x: Tensor) -> Tensor
}

/// What a module holds, by name, in the order of its properties.
public struct ModuleContents: Sendable {
    /// Parameters by their names.
    public var parameters: [(name: String, parameter: Parameter)] = []
    /// Buffers by their names.
    public var buffers: [(name: String, buffer: Buffer)] = []
}

extension Module {
    /// Everything in the module, by name. Uses reflection, so ask once, at set-up.
    public func contents() -> ModuleContents {
        var contents = ModuleContents()
        ModuleWalk.walk(self, path: "", into: &contents)
        for (name, parameter) in contents.parameters { parameter.path = name }
        return contents
    }

    /// The parameters, in the order of the properties. Uses reflection, so ask once, at set-up.
    public func parameters() -> [Parameter] { contents().parameters.map(\.parameter) }

    /// Number of trained elements.
    public var parameterCount: Int { parameters().reduce(0) { $0 + $1.shape.count } }

    /// Checks that the module fits inputs of these types, without computing anything.
    /// - Throws: ``ShapeError``, the same that the wrong call would stop with.
    public func validate(inputs: TensorType...) throws where Self: Layer {
        _ = contents()
        try Validation.check {
            inputs.forEach { _ = self(Tensor.zeros($0.shape, dtype: $0.dtype)) }
        }
    }
}

/// Finds parameters and buffers by reflection.
enum ModuleWalk {
    static func walk(_ value: Any, path: String, into contents: inout ModuleContents) {
        switch value {
        case let parameter as Parameter: contents.parameters.append((path, parameter))
        case let buffer as Buffer: contents.buffers.append((path, buffer))
        case let module as any Module:
            let names = type(of: module).checkpointNames
            for child in Mirror(reflecting: module).children {
                guard let label = child.label else { continue }
                walk(child.value, path: join(path, names[label] ?? snakeCase(label)), into: &contents)
            }
        default:
            let mirror = Mirror(reflecting: value)
            switch mirror.displayStyle {
            case .optional:
                if let child = mirror.children.first { walk(child.value, path: path, into: &contents) }
            case .collection:
                for (index, child) in mirror.children.enumerated() {
                    walk(child.value, path: join(path, "\(index)"), into: &contents)
                }
            default: break
            }
        }
    }

    private static func join(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : name.isEmpty ? path : "\(path).\(name)"
    }

    /// `runningMean` → `running_mean`, `conv1` stays, `layerNorm2d` → `layer_norm2d`.
    static func snakeCase(_ name: String) -> String {
        name.reduce(into: "") { result, character in
            if character.isUppercase {
                if !result.isEmpty { result.append("_") }
                result.append(character.lowercased())
            } else {
                result.append(character)
            }
        }
    }
}
