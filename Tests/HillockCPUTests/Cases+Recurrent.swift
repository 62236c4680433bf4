import HillockCore

extension OperationCase {
    /// Recurrent layers over time, and their single steps.
    static let recurrent: [OperationCase] = {
        let lstmName =
            "lstm(Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor?, recurrentBias: Tensor?, h0: Tensor?, c0: Tensor?, "
            + "reversed: Bool)"
        let gruName =
            "gru(Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor?, recurrentBias: Tensor?, h0: Tensor?, "
            + "reversed: Bool)"
        @Sendable func lstm(_ t: [Tensor], reversed: Bool = false) -> [Tensor] {
            let result = HillockCore.lstm(
                t[0], inputWeight: t[1], recurrentWeight: t[2], inputBias: t.count > 3 ? t[3] : nil,
                recurrentBias: t.count > 3 ? t[4] : nil, h0: t.count > 3 ? t[5] : nil, c0: t.count > 3 ? t[6] : nil, reversed: reversed)
            return [result.output, result.h, result.c]
        }
        @Sendable func gru(_ t: [Tensor], reversed: Bool = false) -> [Tensor] {
            let result = HillockCore.gru(
                t[0], inputWeight: t[1], recurrentWeight: t[2], inputBias: t.count > 3 ? t[3] : nil,
                recurrentBias: t.count > 3 ? t[4] : nil, h0: t.count > 3 ? t[5] : nil, reversed: reversed)
            return [result.output, result.h]
        }
        func make(_ name: String, _ covers: String, _ body: @escaping @Sendable ([Tensor]) -> [Tensor]) -> OperationCase {
            OperationCase(name: name, covers: [covers]) { inputs, _ in body(inputs) }
        }
        var cases: [OperationCase] = []
        for variant in ["plain", "oneStep", "wide"] {
            cases.append(make("lstm/\(variant)", lstmName) { lstm($0) })
            cases.append(make("gru/\(variant)", gruName) { gru($0) })
        }
        return cases + [
            make("lstm/reversed", lstmName) { lstm($0, reversed: true) },
            make("lstm/withoutBiasAndState", lstmName) { [lstm($0)[0]] },
            make("lstm/lastState", lstmName) { Array(lstm($0)[1...]) },
            make("gru/reversed", gruName) { gru($0, reversed: true) },
            make("gru/withoutBiasAndState", gruName) { [gru($0)[0]] },
            make("gru/lastState", gruName) { [gru($0)[1]] },
            make(
                "lstmCell/plain",
                "lstmCell(Tensor, h: Tensor, c: Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor?, "
                    + "recurrentBias: Tensor?)"
            ) { t in
                let next = lstmCell(
                    t[0].squeezed(axis: 1), h: t[5], c: t[6], inputWeight: t[1], recurrentWeight: t[2], inputBias: t[3],
                    recurrentBias: t[4])
                return [next.h, next.c]
            },
            make(
                "gruCell/plain",
                "gruCell(Tensor, h: Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor?, recurrentBias: Tensor?)"
            ) { t in
                [
                    gruCell(
                        t[0].squeezed(axis: 1), h: t[5], inputWeight: t[1], recurrentWeight: t[2], inputBias: t[3], recurrentBias: t[4])
                ]
            },
        ]
    }()
}
