/// A pure function from programs to programs: the same inputs and outputs, computed otherwise.
package protocol Pass: Sendable {
    /// The name that `hillock explain` prints and `HILLOCK_PASSES` switches.
    static var name: String { get }
    /// Whether programs can be run without it, so that it may be switched off.
    static var isOptional: Bool { get }
    /// What it does, in a line for people who read programs.
    static var summary: String { get }

    /// An equivalent program.
    func run(_ program: Program) -> Program
}

extension Pass {
    /// Nothing: the name has to do.
    package static var summary: String { "" }
}

/// Passes in order, each checked by the verifier in debug builds and where `HILLOCK_VERIFY` is set.
package struct Pipeline: Sendable {
    /// The passes.
    package let passes: [any Pass]

    /// These passes, without those that are switched off.
    package init(_ passes: [any Pass], selection: PassSelection = .current) {
        self.passes = passes.filter { !type(of: $0).isOptional || selection.includes(type(of: $0).name) }
    }

    /// The program after all passes; `observe` sees it after each.
    package func run(_ program: Program, observe: (String, Program) -> Void = { _, _ in }) -> Program {
        observe("graph", program)
        var program = program
        if Verifier.isEnabled { Verifier.check(program, after: "graph") }
        for pass in passes {
            program = pass.run(program)
            let name = type(of: pass).name
            if Verifier.isEnabled { Verifier.check(program, after: name) }
            observe(name, program)
        }
        return program
    }
}
