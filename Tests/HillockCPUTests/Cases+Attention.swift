import HillockCore

extension OperationCase {
    /// Scaled dot-product attention.
    static let attention: [OperationCase] = {
        let operation =
            "scaledDotProductAttention(Tensor, Tensor, Tensor, mask: Tensor?, isCausal: Bool, scale: Double?, dropout: Double)"
        func cases(_ names: String..., apply: @escaping @Sendable ([Tensor]) -> Tensor) -> [OperationCase] {
            names.map { OperationCase("scaledDotProductAttention/\($0)", operation, apply: apply) }
        }
        return cases("plain", "one", "long", "noQueries", "noKeys", "large", "special") { scaledDotProductAttention($0[0], $0[1], $0[2]) }
            + cases("causal", "causalMoreKeys", "causalMoreQueries") { scaledDotProductAttention($0[0], $0[1], $0[2], isCausal: true) }
            + cases("scaled") { scaledDotProductAttention($0[0], $0[1], $0[2], scale: 0.3) }
            + cases("addedMask", "addedRow", "boolMask", "hidden", "keys", "infiniteMask") {
                scaledDotProductAttention($0[0], $0[1], $0[2], mask: $0[3])
            }
    }()
}
