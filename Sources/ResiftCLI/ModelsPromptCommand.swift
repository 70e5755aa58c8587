import ArgumentParser
import Resift

struct ModelsPromptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prompt",
        abstract: "Print the words that language models are asked with, to change them.",
        discussion: """
            EXAMPLES
              resift models prompt listwise > prompt.txt
              resift rerank "notice period" --documents contracts.jsonl \\
                --reranker llm:openai/MODEL --prompt prompt.txt

            Names in braces are places that are filled in: {query}, {passages} and, for
            listwise, {answer_form} are needed; {count}, {boundary} and {instruction}
            may be there.
            """)

    enum Purpose: String, CaseIterable, ExpressibleByArgument {
        case listwise, pointwise
    }

    @Argument(help: "For llm: (an order of documents), or llm-pointwise: (yes or no).")
    var purpose: Purpose = .listwise

    func run() {
        print(PromptTemplate.own(for: purpose == .listwise ? .listwise : .yesNo))
    }
}
