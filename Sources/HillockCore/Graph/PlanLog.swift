import Glibc

/// `HILLOCK_LOG=plans` says on standard error when a plan is made and what changed since the most similar one: silent recompilation is
/// what users of lazy frameworks complain of most. `HILLOCK_LOG=steps` prints the plan's steps too.
enum PlanLog {
    private static let topics: [String] = {
        let words = getenv("HILLOCK_LOG").map { String(cString: $0).split(separator: ",").map(String.init) } ?? []
        let known = ["plans", "steps"]
        for word in words where !known.contains(word) { EnvironmentSetting.ignored("HILLOCK_LOG", word, known: known) }
        return words.filter(known.contains)
    }()

    static func planned(
        _ program: Program, _ plan: any Plan, number: Int, nanoseconds: UInt64, among others: @autoclosure () -> [Program]
    ) {
        guard !topics.isEmpty else { return }
        let tenths = (nanoseconds + 50_000) / 100_000
        var line = "plan \(number), made in \(tenths / 10).\(tenths % 10) ms: "
        line += "\(program.instructions.count) operations, \(program.inputs.count) inputs"
        if let twin = others().first(where: { sameOperations($0, program) }) {
            let changes = zip(twin.inputs, program.inputs).enumerated().filter { $0.element.0 != $0.element.1 }
            line += changes.map { "; input \($0.offset) was \($0.element.0.type), is \($0.element.1.type)" }.joined()
        }
        if topics.contains("steps") { line += "\n" + plan.explanation }
        EnvironmentSetting.say(line)
    }

    /// Whether two programs differ in types and attributes at most.
    private static func sameOperations(_ a: Program, _ b: Program) -> Bool {
        a.inputs.count == b.inputs.count && a.instructions.count == b.instructions.count
            && zip(a.instructions, b.instructions).allSatisfy {
                type(of: $0.primitive) == type(of: $1.primitive) && $0.operands == $1.operands
            }
    }
}
