import Foundation

/// What the workloads give by their specification, so that a change of numbers is seen where no peer is at hand.
public enum Specification {
    /// PyTorch 2.13's losses of steps 1 to 5, or mean of the absolute values of an output. T07 amplifies rounding: its first step alone is a
    /// check. T14 draws numbers of its own.
    public static let values: [String: [Double]] = [
        "T01": [2.755667, 2.692311, 2.629822, 2.568216, 2.507508],
        "T02": [2.399026, 1.584611, 1.012872, 0.58668, 0.309017],
        "T03": [2.679111, 15.237264, 13.609281, 8.356767, 7.32658],
        "T04": [2.833312, 1.77059, 0.889235, 0.50323, 0.320781],
        "T05": [8.780128, 4.672685, 3.649194, 3.124944, 2.924816],
        "T06": [6.373172, 4.427332, 2.898238, 1.875147, 1.362936],
        "T07": [7.803753],
        "T08": [9.210507, 9.197595, 9.184423, 9.170655, 9.156005],
        "T09": [4.605233, 4.58497, 4.563811, 4.539347, 4.509268],
        "T10": [2.256222, 2.025809, 2.650424, 2.821547, 1.874666],
        "T11": [4.571465, 4.796333, 4.529243, 4.374646, 4.266902],
        "T12": [4.425636, 7.005482, 6.859812, 6.612115, 6.356089],
        "T13": [864.372803, 848.650146, 657.727417, 626.58783, 607.085693],
        "T15": [8.987823, 8.958204, 8.926998, 8.892143, 8.850785],
        "T16": [12.140345, 5.214033, 6.358722, 3.830081, 9.782494],
        "T17": [0.694459, 0.692951, 0.691643, 0.690449, 0.689301],
        "T18": [2.833002, 2.612526, 2.4039, 2.20635, 2.019173],
        "T19": [0.901368, 0.901368, 0.901368, 0.901368, 0.901368],
        "T20": [10280.4],
        "T21": [0.734341],
        "I01-b1": [0.39457],
        "I01-b32": [0.439535],
        "I02-b1": [0.734646],
        "I02-b32": [0.816817],
        "I03-b1": [601.532],
        "I03-b32": [598.246],
        "I04-b1": [0.66741],
        "I04-b32": [0.778665],
        "I05-b1": [0.015597],
        "I05-b32": [0.0153885],
    ]

    /// How far two ways of rounding drift apart from the second step on, relatively, as PyTorch's own modes do: in T16, where Adam's first steps
    /// are as large for gradients that are all rounding, its fifth loss is 9.7822 to 9.7838 with parameters that differ in the last bit, and
    /// 9.7801 in double precision.
    private static let drift = ["T04": 4e-3, "T05": 4e-3, "T06": 4e-3, "T12": 4e-3, "T16": 3e-4]

    /// What is wrong with the values that a workload gave; `nil` where they agree to four digits, or from the second step on as far as
    /// rounding lets them.
    public static func disagreement(_ name: String, _ given: [Double]) -> String? {
        for (step, expected) in (values[name] ?? []).enumerated() {
            let digits = 0.5 * pow(10, floor(log10(expected.magnitude)) - 3)
            let tolerance = step > 0 ? Swift.max(digits, (drift[name] ?? 0) * expected.magnitude) : digits
            guard step < given.count else { return "gave \(given.count) values" }
            if !((given[step] - expected).magnitude <= tolerance) { return "step \(step + 1) gave \(given[step]), expected \(expected)" }
        }
        return nil
    }
}
