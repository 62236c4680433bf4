import CAllocationCounter
import Glibc
import Hillock

/// Measures what training does with memory, in a process of its own: `steady-state allocations MODEL [TRAP_BYTES]`,
/// `steady-state resident STEPS`, `steady-state arena`, `steady-state libraries`. Prints lines `name number`.
@main
enum SteadyState {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        switch arguments.first {
        case "allocations":
            guard let model = TrainingCase.named(arguments.dropFirst().first ?? "") else { return usage() }
            allocations(model, trap: arguments.dropFirst(2).first.flatMap { Int64($0) } ?? 0)
        case "resident": resident(steps: arguments.dropFirst().first.flatMap { Int($0) } ?? 10_000)
        case "arena": arena()
        case "libraries": libraries()
        default: usage()
        }
    }

    private static func usage() {
        let text = "usage: steady-state allocations MODEL [TRAP_BYTES] | resident [STEPS] | arena | libraries\n"
        _ = write(STDERR_FILENO, text, text.utf8.count)
        exit(2)
    }

    /// What one training step in steady state asks the allocator for, in all and within the plan's run.
    private static func allocations(_ model: TrainingCase, trap: Int64) {
        let engine = MeasuringEngine()
        Device.$current.withValue(Device(engine)) {
            let step = model.makeStep()
            for _ in 0..<8 { step() }
            var (least, run) = (allocation_counts(count: .max, bytes: .max, largest: .max), engine.last)
            for attempt in 0..<8 {
                allocation_counter_start(attempt == 7 ? trap : 0)
                step()
                let counts = allocation_counter_stop()
                if counts.count < least.count { (least, run) = (counts, engine.last) }
            }
            print("works \(allocation_counter_works() ? 1 : 0)")
            print("operations \(run.operations)")
            print("results \(run.results)")
            print("parameters \(model.parameterCount)")
            print("step.count \(least.count)")
            print("step.bytes \(least.bytes)")
            print("step.largest \(least.largest)")
            print("run.count \(run.counts.count)")
            print("run.bytes \(run.counts.bytes)")
            print("run.largest \(run.counts.largest)")
        }
    }

    /// Resident memory in the middle and at the end of a long training.
    private static func resident(steps: Int) {
        let step = TrainingCase.small.makeStep()
        for index in 1...steps {
            step()
            if index == steps / 10 { print("early \(residentBytes())") }
        }
        print("late \(residentBytes())")
    }

    /// Resident memory with a large plan, and after many runs of small ones.
    private static func arena() {
        let small = TrainingCase.small.makeStep()
        small()
        print("before \(residentBytes())")
        do {
            // 64 MiB a value: more than one temporary is alive at once.
            let x = Tensor.ones([4096, 4096])
            let y = sum(of: [matmul(x, x), matmul(x, x + x)])
            evaluate(y)
        }
        print("large \(residentBytes())")
        for _ in 0..<600 { small() }
        print("after \(residentBytes())")
    }

    /// Which of the large libraries are loaded once there is a first small result, and once there is a convolution.
    private static func libraries() {
        let x = Tensor.ones([256, 256])
        print("result \(Int(matmul(x, x)[0, 0].item()))")
        print("small.foundation \(isLoaded("Foundation"))")
        print("small.onednn \(isLoaded("libdnnl"))")
        let image = Tensor.ones([1, 16, 32, 32])
        evaluate(Conv2d(16, 16, kernel: 3, stride: 2)(image))
        print("convolution.onednn \(isLoaded("libdnnl"))")
    }

    /// 1 where a library of this name is mapped into the process.
    private static func isLoaded(_ name: String) -> Int {
        guard let file = fopen("/proc/self/maps", "r") else { return -1 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, 4096, file) != nil {
            if strstr(line, name) != nil { return 1 }
        }
        return 0
    }

    @inline(never)
    private static func sum(of tensors: [Tensor]) -> Tensor { tensors.dropFirst().reduce(tensors[0], +).sum() }

    /// Bytes of the process that lie in memory now.
    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let fields = line.prefix { $0 != 0 }.split(separator: CChar(32))
        let pages = fields.dropFirst().first.flatMap { Int(String(decoding: $0.map(UInt8.init), as: UTF8.self)) } ?? 0
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }
}
