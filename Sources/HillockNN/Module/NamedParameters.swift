/// Parameters under names of their own, for layers whose checkpoint names are not those of properties: `weight_ih_l0`.
///
/// A module that has one as a property lists its entries under the property's name in checkpoints, or directly where that is empty.
public struct NamedParameters: Sendable {
    /// The parameters by their names, in the order of checkpoints.
    public let entries: [(name: String, parameter: Parameter)]

    /// These parameters under these names.
    public init(_ entries: [(name: String, parameter: Parameter)]) { self.entries = entries }

    /// The parameter of this name.
    public subscript(name: String) -> Parameter? { entries.first { $0.name == name }?.parameter }
}
