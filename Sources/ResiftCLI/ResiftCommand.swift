import ArgumentParser
import Resift

@main
struct ResiftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resift",
        abstract: "Put the right passages on top: rerank search results on this machine.",
        discussion: """
            EXAMPLES
              resift rerank "how do I reset my password?" --documents help.jsonl
              printf 'first text\\nsecond text\\n' | resift rerank "a question" --documents -
              resift index build corpus.jsonl --output help.resift
              resift search "refund policy" --index help.resift
              resift models selftest

            EXIT STATUS
            \(ExitStatus.table)

            The environment variable RESIFT_KERNELS forces a kernel variant: scalar, or
            avx2, avx512, neon where the CPU has it.
            """,
        version: ResiftVersion.current,
        subcommands: [
            RerankCommand.self, IndexCommand.self, SearchCommand.self, ServeCommand.self, EvaluateCommand.self,
            TuneCommand.self,
            CostCommand.self, ProfileCommand.self, ModelsCommand.self,
        ])
}
