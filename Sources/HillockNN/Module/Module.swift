import HillockCore

/// Something with parameters: a struct whose stored properties are modules, ``Parameter``s (trained, saved), ``Buffer``s (saved, not
/// trained) or plain settings (neither). Optionals and arrays of these are walked too.
///
/// The property path is the name in checkpoints, camelCase made snake_case: `blocks.2.norm1.running_mean`.
public protocol Module: ParameterOwner {
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
public struct ModuleContents: ParameterOwner {
    /// Parameters by their names. One that is reached by several paths (tied weights) is listed once, under the first.
    public var parameters: [(name: String, parameter: Parameter)] = []
    /// Buffers by their names; each once.
    public var buffers: [(name: String, buffer: Buffer)] = []
    /// Further names of what is listed already under `of`.
    public var aliases: [(name: String, of: String)] = []
    /// Types of the module and of the modules in it, by path, with the parameters that are their own: for summaries.
    var modules: [(path: String, type: String, parameters: [Parameter])] = []

    /// Nothing.
    public init() {}

    /// Itself.
    public func contents() -> ModuleContents { self }
}

/// Something whose parameters an optimizer can be given: a module, a module's contents, or a list of parameters.
public protocol ParameterOwner: Sendable {
    /// Parameters and buffers by name.
    func contents() -> ModuleContents
}

extension [Parameter]: ParameterOwner {
    /// The parameters under the names that their module gave them, or else their positions.
    public func contents() -> ModuleContents {
        var contents = ModuleContents()
        contents.parameters = enumerated().map { ($0.element.path ?? "\($0.offset)", $0.element) }
        return contents
    }
}

extension Module {
    /// Everything in the module, by name. Uses reflection, so ask once, at set-up.
    ///
    /// From here on messages know the layers by these names.
    public func contents() -> ModuleContents {
        var walk = ModuleWalk()
        walk.visit(self, path: "")
        for (name, parameter) in walk.contents.parameters { parameter.path = name }
        return walk.contents
    }

    /// The parameters, in the order of the properties. Uses reflection, so ask once, at set-up.
    public func parameters() -> [Parameter] { contents().parameters.map(\.parameter) }

    /// Number of trained elements.
    public var parameterCount: Int { parameters().reduce(0) { $0 + $1.shape.count } }
}

extension Layer {
    /// Checks that the layer fits inputs of each of these types, without computing or changing anything.
    /// - Throws: ``ShapeError``, the same that the wrong call would stop with.
    public func validate(inputs: TensorType...) throws {
        _ = contents()
        try Validation.check {
            inputs.forEach { _ = self(Tensor.zeros($0.shape, dtype: $0.dtype)) }
        }
    }
}

/// Finds parameters, buffers and layers' scopes by reflection.
private struct ModuleWalk {
    var contents = ModuleContents()
    private var names: [ObjectIdentifier: String] = [:]

    mutating func visit(_ value: Any, path: String, owner: Int? = nil) {
        switch value {
        case let parameter as Parameter:
            if isNew(parameter, path) {
                contents.parameters.append((path, parameter))
                if let owner { contents.modules[owner].parameters.append(parameter) }
            }
        case let buffer as Buffer:
            if isNew(buffer, path) { contents.buffers.append((path, buffer)) }
        case let named as NamedParameters:
            for entry in named.entries { visit(entry.parameter, path: join(path, entry.name), owner: owner) }
        case let scope as LayerScope:
            let place = owner.map { contents.modules[$0].path } ?? ""
            scope.path = LayerPath(place.split(separator: ".").map(String.init))
        case let module as any Module:
            let names = type(of: module).checkpointNames
            contents.modules.append((path, "\(type(of: module))", []))
            let position = contents.modules.count - 1
            for child in Mirror(reflecting: module).children {
                guard let label = child.label else { continue }
                visit(child.value, path: join(path, names[label] ?? snakeCase(label)), owner: position)
            }
        default:
            let mirror = Mirror(reflecting: value)
            switch mirror.displayStyle {
            case .optional:
                if let child = mirror.children.first { visit(child.value, path: path, owner: owner) }
            case .collection:
                for (index, child) in mirror.children.enumerated() {
                    visit(child.value, path: join(path, "\(index)"), owner: owner)
                }
            default: break
            }
        }
    }

    /// Whether the object was not met before; otherwise the path is another name of it.
    private mutating func isNew(_ object: AnyObject, _ path: String) -> Bool {
        if let first = names[ObjectIdentifier(object)] {
            contents.aliases.append((path, first))
            return false
        }
        names[ObjectIdentifier(object)] = path
        return true
    }

    private func join(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : name.isEmpty ? path : "\(path).\(name)"
    }

    /// `runningMean` → `running_mean`, `conv1` stays, `layerNorm2d` → `layer_norm2d`.
    private func snakeCase(_ name: String) -> String {
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
