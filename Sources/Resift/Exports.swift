// What `import Resift` brings.
@_exported public import Hub
@_exported public import Inference
@_exported public import OrderedJSON
@_exported public import Outbound
@_exported public import Ranking
@_exported public import RemoteRerankers
@_exported public import Reranking
@_exported public import Retrieval
@_exported public import ScoreCaches
@_exported public import TextFiles
@_exported public import Tokenizers
