import ArgumentParser

await Program.run(Array(CommandLine.arguments.dropFirst()))
