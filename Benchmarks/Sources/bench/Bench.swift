import ArgumentParser
import Foundation

/// Runs workloads in Hillock and in its peers alternately, in one run on one machine, and prints ratios.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Run workloads in Hillock and its peers alternately and print ratios (peer's time over ours: above 1 we are faster).",
        discussion: """
            A run beside all peers is kept in results.json, workload by workload, so that a long run can be done in pieces; --report writes
            RESULTS.md and the chart from it. Another machine's results go to a file of their own: --json results-avx2.json, whose page is
            RESULTS-avx2.md.
            """)

    @Option(help: "Workload name prefixes, comma separated: T, T03, I0, M.")
    var only = ""
    @Option(help: "Peers as peers.py names them, comma separated, or none; every peer that runs the workload unless given.")
    var peers: String?
    @Option(help: "Rounds; in each, Hillock and every peer run once.")
    var rounds = 5
    @Option(help: "Seconds to wait for an idle machine before each measurement.")
    var wait = 60.0
    @Option(help: "How often a measurement that other programs disturbed is done again.")
    var retries = 2
    @Option(help: "A peer this many times slower than the best one in the first round is not run again.")
    var patience = 4.0
    @Option(help: "Seconds after which a measurement is given up.")
    var timeout = 420.0
    @Flag(help: "Leave out the workloads whose undisturbed results are in the file already.")
    var missing = false
    @Option(help: "Folder with peers.py; $HILLOCK_PEERS or ../../shared/bench unless given.")
    var directory: String?
    @Option(help: "Python with the peers installed.")
    var python = "python3"
    @Option(help: "File name of the peers' program in that folder.")
    var script = "peers.py"
    @Option(help: "What Hillock computes with: xla-cpu, cuda … (default: the CPU's own engine). Nothing is kept but in a file of --json.")
    var device: String?
    @Option(help: "Words for Hillock's program and the peers', as in --words=\"--batch 256\".")
    var words = ""
    @Option(help: "File that results are added to; results.json unless given, and for a run beside some peers only none.")
    var json: String?
    @Flag(help: "Write RESULTS.md and ratios.svg beside the results; without --only nothing else is done.")
    var report = false

    mutating func validate() throws {
        if rounds < 1 { throw ValidationError("--rounds is \(rounds), expected 1 or more") }
        if retries < 0 { throw ValidationError("--retries is \(retries), expected 0 or more") }
        if device != nil, report { throw ValidationError("--report is about the CPU's own engine; leave --device out") }
        if patience < 1 { throw ValidationError("--patience is \(patience), expected 1 or more") }
    }

    func run() throws {
        let folder = URL(fileURLWithPath: directory ?? ProcessInfo.processInfo.environment["HILLOCK_PEERS"] ?? "../../shared/bench")
        let program = try Peers(script: folder.appendingPathComponent(script), python: python)
        if program == nil {
            print("no peers: \(folder.path)/\(script) does not exist (set HILLOCK_PEERS or --directory); Hillock alone is measured")
        }
        let file = URL(fileURLWithPath: json ?? "results.json")
        var results = try Results(contentsOf: file)
        let flops = try program?.flops() ?? [:]

        if !report || !only.isEmpty {
            let threads = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"].flatMap(Int.init) ?? 2
            setenv("OMP_NUM_THREADS", "\(threads)", 1)
            setenv("BENCH_THREADS", "\(threads)", 1)
            var runner = Runner(
                peers: program, threads: threads, rounds: rounds, wait: wait, retries: retries, patience: patience, timeout: timeout)
            runner.device = device
            runner.words = words.split(separator: " ").map(String.init)
            // Compiled programs of former runs would hide what compiling costs.
            let store = FileManager.default.temporaryDirectory.appendingPathComponent("hillock-bench-\(getpid())")
            setenv("HILLOCK_EXECUTABLES", store.path, 1)
            defer { try? FileManager.default.removeItem(at: store) }
            results.machine = .described(threads: threads)
            try measure(runner, flops, file, &results)
        }
        if report {
            // results-avx2.json has RESULTS-avx2.md and ratios-avx2.svg.
            let name = file.deletingPathExtension().lastPathComponent
            let kind = name.hasPrefix("results") ? String(name.dropFirst("results".count)) : "-\(name)"
            let chart = file.deletingLastPathComponent().appendingPathComponent("ratios\(kind).svg")
            let page = file.deletingLastPathComponent().appendingPathComponent("RESULTS\(kind).md")
            try Data(Chart(comparisons: results.comparisons).svg.utf8).write(to: chart)
            try Data(Page(results: results, flops: flops, chart: chart.lastPathComponent).text.utf8).write(to: page)
            print("wrote \(page.path) and \(chart.path)")
        }
    }

    private func measure(_ runner: Runner, _ flops: [String: Double], _ file: URL, _ results: inout Results) throws {
        let program = runner.peers
        let prefixes = only.split(separator: ",")
        let known = try runner.ownWorkloads()
        let names = known.sorted(by: Results.order).filter { name in prefixes.isEmpty || prefixes.contains { name.hasPrefix($0) } }
        if names.isEmpty { throw ValidationError("no workload begins with '\(only)'; there are \(known.joined(separator: " "))") }
        let wanted = peers.map { $0 == "none" ? [] : $0.split(separator: ",").map(String.init) }
        if let program, let wanted {
            for peer in wanted where !program.supported.contains(where: { $0.peer == peer }) {
                let all = program.supported.map(\.peer).joined(separator: ", ")
                throw ValidationError("\(script) knows no peer '\(peer)'; it knows \(all)")
            }
        }
        // A part of the peers says nothing about the best of all.
        let isKept = json != nil || (program != nil && wanted == nil && device == nil && words.isEmpty)
        results.command = "make bench"
        var measured: [Comparison] = []
        for name in names {
            if missing, let old = results.workloads[name].flatMap({ Comparison(name, $0) }), !old.isDisturbed { continue }
            let beside = (program?.running(name) ?? []).filter { wanted?.contains($0) ?? true }
            let run = try runner.measure(name, beside: beside) { step in
                if isatty(STDERR_FILENO) == 1 { FileHandle.standardError.write(Data("\r\u{1b}[K\(step)".utf8)) }
            }
            if isatty(STDERR_FILENO) == 1 { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) }
            guard let comparison = Comparison(name, run) else {
                print("\(name)  failed: \(run.failures["hillock"] ?? "no measurement")")
                continue
            }
            print(comparison.line(flops: flops))
            fflush(nil)
            measured.append(comparison)
            if isKept {
                results.workloads[name] = run
                try results.write(to: file)
            }
        }
        if device != nil { return }
        for line in Summary(comparisons: measured).lines { print(line) }
    }
}
