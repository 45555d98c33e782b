#include <fmt/format.h>

#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "ir/error.h"
#include "ir/graph/text/lexer.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"

// A parser by recursive descent. It builds the ops with the types that the text states; the verifier, which
// sees the whole module, compares them with the inferred ones.
namespace sinter::graph {
namespace {

std::string found(const Token& token) {
  constexpr size_t kLongest = 40;
  if (token.kind == TokenKind::end) return "the end";
  std::string_view mark;
  if (token.kind == TokenKind::value) mark = "%";
  if (token.kind == TokenKind::symbol) mark = "@";
  const bool cut = token.text.size() > kLongest;
  return fmt::format("'{}{}{}'", mark, token.text.substr(0, kLongest), cut ? "..." : "");
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : lexer_(text, file), token_(lexer_.next()) {}

  Module run() {
    while (token_.kind != TokenKind::end) {
      if (take_word("state")) {
        parse_state();
      } else if (take_word("func")) {
        parse_function();
      } else {
        expected("'state' or 'func'");
      }
    }
    try {
      verify(module_);
    } catch (const InvalidOp& error) {
      lexer_.fail(positions_.at(&error.op()), error.what());
    }
    return std::move(module_);
  }

 private:
  using Scope = std::unordered_map<std::string, Value>;

  // Kernels inside kernels; the bound keeps the parser's own recursion small.
  static constexpr int kDeepest = 16;

  [[noreturn]] void expected(std::string_view what) const {
    lexer_.fail(token_.position, fmt::format("expected {}, found {}", what, found(token_)));
  }

  bool at(char mark) const { return token_.kind == TokenKind::mark && token_.text[0] == mark; }

  Token take() {
    Token taken = std::move(token_);
    token_ = lexer_.next();
    return taken;
  }
  Token take(TokenKind kind, std::string_view what) {
    if (token_.kind != kind) expected(what);
    return take();
  }
  bool take(char mark) {
    if (!at(mark)) return false;
    take();
    return true;
  }
  void require(char mark) {
    if (!take(mark)) expected(fmt::format("'{}'", mark));
  }
  bool take_word(std::string_view word) {
    if (token_.kind != TokenKind::word || token_.text != word) return false;
    take();
    return true;
  }

  void parse_state() {
    const Token name = take(TokenKind::symbol, "the name of a state, as in @weight");
    if (!states_.insert(std::string(name.text)).second) already(name, "a state");
    require(':');
    module_.states.push_back({std::string(name.text), parse_type()});
  }

  void parse_function() {
    const Token name = take(TokenKind::symbol, "the name of a function, as in @predict");
    if (!functions_.insert(std::string(name.text)).second) already(name, "a function");
    parse_body(module_.add_function(std::string(name.text)), 0);
  }

  [[noreturn]] void already(const Token& name, std::string_view what) const {
    lexer_.fail(name.position, fmt::format("there is already {} {}", what, found(name)));
  }

  // "(parameters) { ops return outputs }"
  void parse_body(Function& function, int depth) {
    Scope scope;
    std::unordered_set<std::string> outputs;
    require('(');
    if (!at(')')) {
      do {
        parse_parameter(function, scope);
      } while (take(','));
    }
    require(')');
    require('{');
    while (!take_word("return")) parse_op(function, scope, depth);
    if (!at('}')) {
      do {
        parse_output(function, scope, outputs);
      } while (take(','));
    }
    require('}');
  }

  void parse_parameter(Function& function, Scope& scope) {
    const Token name = take(TokenKind::value, "a parameter, as in %x");
    auto op = std::make_unique<Op>();
    op->code = OpCode::parameter;
    op->attributes.set("name", std::string(name.text));
    require(':');
    op->results.push_back(parse_type());
    op->location = parse_location();
    define(scope, name, *op, 0);
    positions_[op.get()] = name.position;
    function.append(std::move(op));
  }

  void parse_output(Function& function, const Scope& scope, std::unordered_set<std::string>& names) {
    std::string name = fmt::format("output{}", function.outputs.size());
    const Token start = token_;
    if (token_.kind == TokenKind::word) {
      name = take().text;
      require('=');
    }
    if (!names.insert(name).second)
      lexer_.fail(start.position, fmt::format("there is already an output '{}'", name));
    function.outputs.push_back({std::move(name), parse_use(scope)});
  }

  Value parse_use(const Scope& scope) {
    const Token name = take(TokenKind::value, "a value, as in %3");
    const auto it = scope.find(std::string(name.text));
    if (it == scope.end()) {
      lexer_.fail(name.position, fmt::format("expected a value made above, found {}", found(name)));
    }
    return it->second;
  }

  void define(Scope& scope, const Token& name, Op& op, int index) {
    if (!scope.try_emplace(std::string(name.text), op.result(index)).second) already(name, "a value");
  }

  // "%0: f32[2], %1: i32[2] = top_k %x {k=2} @"model.cpp":3 "scope""
  void parse_op(Function& function, Scope& scope, int depth) {
    auto op = std::make_unique<Op>();
    std::vector<Token> names;
    const Position position = token_.position;
    if (token_.kind == TokenKind::value) {
      do {
        names.push_back(take(TokenKind::value, "a result, as in %3"));
        require(':');
        op->results.push_back(parse_type());
      } while (take(','));
      require('=');
    } else if (token_.kind != TokenKind::word) {
      expected("an op or 'return'");
    }
    const Token name = take(TokenKind::word, "the name of an op");
    const auto code = opcode_from_name(name.text);
    if (!code) lexer_.fail(name.position, fmt::format("expected the name of an op, found {}", found(name)));
    if (*code == OpCode::parameter) {
      lexer_.fail(name.position,
                  "expected parameters in the signature of the function, found one in its body");
    }
    op->code = *code;
    if (token_.kind == TokenKind::value && !token_.first_on_line) {
      do {
        op->operands.push_back(parse_use(scope));
      } while (take(','));
    }
    if (take('{')) parse_attributes(*op);
    op->location = parse_location();
    if (at('(')) {
      if (op->code != OpCode::kernel || depth == kDeepest) expected("no body here");
      op->body = std::make_unique<Function>("kernel");
      parse_body(*op->body, depth + 1);
    }
    for (size_t i = 0; i < names.size(); ++i) define(scope, names[i], *op, static_cast<int>(i));
    positions_[op.get()] = position;
    function.append(std::move(op));
  }

  TensorType parse_type() {
    const Token name = take(TokenKind::word, "a type, as in f32[4,8]");
    const auto dtype = dtype_from_name(name.text);
    if (!dtype) lexer_.fail(name.position, fmt::format("expected an element type, found {}", found(name)));
    TensorType type{*dtype, {}};
    require('[');
    if (!at(']')) {
      do {
        type.shape.push_back(take(TokenKind::integer, "an extent").integer);
      } while (take(','));
    }
    require(']');
    if (!is_valid(type.shape)) {
      lexer_.fail(name.position, fmt::format("{} has a negative extent or is too large", to_string(type)));
    }
    return type;
  }

  Location parse_location() {
    Location location;
    if (!take('@')) return location;
    location.file = take(TokenKind::string, "the name of a file").string;
    require(':');
    const Token line = take(TokenKind::integer, "the number of a line");
    if (line.integer < 0 || line.integer > std::numeric_limits<int>::max()) {
      lexer_.fail(line.position, fmt::format("expected the number of a line, found {}", found(line)));
    }
    location.line = static_cast<int>(line.integer);
    if (token_.kind == TokenKind::string) location.scope = take().string;
    return location;
  }

  void parse_attributes(Op& op) {
    do {
      const Token name = take(TokenKind::word, "the name of an attribute");
      if (op.attributes.has(name.text)) already(name, "an attribute");
      require('=');
      op.attributes.set(name.text, at('[') ? parse_list() : parse_scalar());
    } while (take(','));
    require('}');
    coerce_values(op);
  }

  Attribute parse_scalar() {
    if (token_.kind == TokenKind::integer) return take().integer;
    if (token_.kind == TokenKind::string) return take().string;
    if (take_word("true")) return true;
    if (take_word("false")) return false;
    if (token_.kind == TokenKind::word) {
      if (const auto dtype = dtype_from_name(token_.text)) {
        take();
        return *dtype;
      }
    }
    return parse_number("an integer, a number, a string, true, false, a list or an element type");
  }

  double parse_number(std::string_view what) {
    if (token_.kind == TokenKind::integer) return static_cast<double>(take().integer);
    if (take_word("inf")) return std::numeric_limits<double>::infinity();
    if (take_word("nan")) return std::numeric_limits<double>::quiet_NaN();
    return take(TokenKind::number, what).number;
  }

  // Integers, until a number shows that all are numbers.
  Attribute parse_list() {
    require('[');
    std::vector<int64_t> integers;
    std::vector<double> numbers;
    bool integral = true;
    if (!at(']')) {
      do {
        integral = integral && token_.kind == TokenKind::integer;
        if (integral) integers.push_back(token_.integer);
        numbers.push_back(parse_number("an integer or a number"));
      } while (take(','));
    }
    require(']');
    if (integral) return integers;
    return numbers;
  }

  // An empty list does not tell what it is a list of.
  static void coerce_values(Op& op) {
    const Attribute* dtype = op.attributes.find("dtype");
    const Attribute* values = op.attributes.find("values");
    if (op.code != OpCode::constant || dtype == nullptr || values == nullptr) return;
    const auto* type = std::get_if<DType>(dtype);
    const auto* integers = std::get_if<std::vector<int64_t>>(values);
    if (type == nullptr || integers == nullptr || !is_floating(*type)) return;
    op.attributes.set("values", std::vector<double>(integers->begin(), integers->end()));
  }

  Lexer lexer_;
  Token token_;
  Module module_;
  std::unordered_set<std::string> states_, functions_;
  std::unordered_map<const Op*, Position> positions_;
};

}  // namespace

Module parse(std::string_view text, std::string_view file) {
  return Parser(text, file).run();
}

}  // namespace sinter::graph
