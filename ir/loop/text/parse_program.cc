#include <fmt/format.h>

#include <charconv>

#include "ir/error.h"
#include "ir/loop/text/parse_stmt.h"
#include "ir/loop/text/text.h"

namespace sinter::loop {
namespace {

constexpr std::string_view kComment = "// ", kApart = "apart: ";

class ProgramParser {
 public:
  ProgramParser(std::string_view text, std::string_view file) : file_(file), lines_(lines_of(text)) {}

  std::vector<Program> run() {
    std::vector<Program> programs;
    while (skip_comments(), at_ < lines_.size()) {
      LineLexer lexer = this->lexer();
      if (lexer.takes("program")) {
        begin(programs.emplace_back(), lexer);
      } else if (lexer.takes("kernel") && !programs.empty()) {
        add_kernel(programs.back(), lexer);
      } else {
        lexer.fail(programs.empty() ? "expected 'program'" : "expected 'kernel' or 'program'");
      }
    }
    for (const Program& program : programs) check(program);
    return programs;
  }

 private:
  LineLexer lexer() const { return LineLexer(lines_[at_], file_); }
  bool is_inside(size_t indent) const { return at_ < lines_.size() && lines_[at_].indent > indent; }
  void skip_comments() {
    for (; at_ < lines_.size() && lines_[at_].text.starts_with("//"); ++at_) {
    }
  }
  void end_line(LineLexer& lexer) {
    lexer.expect_end();
    ++at_;
  }
  void begin(Program& program, LineLexer& lexer) {
    program.name = lexer.name("the name of a program");
    for (const char* word : {":", "arena", "of"}) lexer.expect(word);
    program.arena_bytes = lexer.integer("how many bytes the arena has");
    lexer.expect("bytes");
    end_line(lexer);
    while (is_inside(0)) {
      LineLexer item = this->lexer();
      if (item.takes("input")) {
        program.inputs.push_back(signature(item));
      } else if (item.takes("output")) {
        program.outputs.push_back(signature(item));
      } else if (item.takes("slot")) {
        program.slots.push_back(slot(item, program.slots.size()));
      } else if (item.takes("fault")) {
        program.faults.push_back(fault(item, program.faults.size()));
      } else if (item.takes("collective")) {
        program.collectives.push_back(collective(item, program.collectives.size()));
      } else {
        program.steps.push_back(step(item, lines_[at_].indent, 0));
      }
    }
  }

  static void expect_number(LineLexer& lexer, size_t number) {
    const LineLexer here = lexer;
    if (lexer.integer("its number") != static_cast<int64_t>(number))
      here.fail(fmt::format("this is number {}", number));
  }

  Signature signature(LineLexer& lexer) {
    Signature result;
    result.name = lexer.name("a name");
    lexer.expect(":");
    const graph::DType type = dtype(lexer);
    result.type = {type, shape(lexer)};
    end_line(lexer);
    return result;
  }

  static graph::DType dtype(LineLexer& lexer) {
    const LineLexer here = lexer;
    const auto dtype = graph::dtype_from_name(lexer.word("a type"));
    if (!dtype) here.fail("there is no such type");
    return *dtype;
  }

  static graph::Shape shape(LineLexer& lexer) {
    graph::Shape extents;
    lexer.expect("[");
    if (lexer.takes("]")) return extents;
    do {
      extents.push_back(lexer.integer("an extent"));
    } while (lexer.takes(","));
    lexer.expect("]");
    return extents;
  }

  Slot slot(LineLexer& lexer, size_t number) {
    expect_number(lexer, number);
    lexer.expect(":");
    Slot result;
    const LineLexer here = lexer;
    const std::string kind = lexer.word("a kind of memory");
    if (kind == "arena") {
      result.kind = Slot::Kind::arena;
      lexer.expect("at");
      result.offset = lexer.integer("the first byte");
    } else if (kind == "constant") {
      result.kind = Slot::Kind::constant;
    } else if (kind == "input" || kind == "output" || kind == "state") {
      result.kind = kind == "input"    ? Slot::Kind::input
                    : kind == "output" ? Slot::Kind::output
                                       : Slot::Kind::state;
      result.ordinal = lexer.integer("which of them");
    } else {
      here.fail("expected input, output, state, arena or constant");
    }
    lexer.expect(":");
    result.type = parse_type(lexer);
    lexer.expect("[");
    result.elements = lexer.integer("how many elements it has");
    lexer.expect("]");
    result.name = lexer.name("a name");
    if (result.kind == Slot::Kind::constant) {
      lexer.expect("=");
      result.data = bytes(lexer, result.bytes());
    }
    if (result.kind == Slot::Kind::arena) {
      lexer.expect("in");
      lexer.expect("steps");
      result.first_step = lexer.integer("a step");
      lexer.expect("..");
      result.last_step = lexer.integer("a step");
      result.origin = lexer.rest();
    }
    end_line(lexer);
    return result;
  }

  static std::vector<std::byte> bytes(LineLexer& lexer, int64_t count) {
    const LineLexer here = lexer;
    const Token token = lexer.next();
    if (token.kind != TokenKind::bytes || static_cast<int64_t>(token.text.size()) != 2 + 2 * count)
      here.fail(fmt::format("expected 0x and {} bytes of two digits", count));
    std::vector<std::byte> data;
    for (size_t i = 2; i < token.text.size(); i += 2) {
      int value = 0;
      std::from_chars(token.text.data() + i, token.text.data() + i + 2, value, 16);
      data.push_back(static_cast<std::byte>(value));
    }
    return data;
  }

  FaultSite fault(LineLexer& lexer, size_t number) {
    expect_number(lexer, number);
    lexer.expect(":");
    FaultSite site;
    site.op = lexer.word("an op");
    lexer.expect(":");
    site.kind = FaultSite::Kind::finite;
    if (lexer.peek().kind == TokenKind::integer) {
      expect_number(lexer, 0);
      lexer.expect("<=");
      site.kind = FaultSite::Kind::index;
    }
    site.subject = lexer.name("what is checked");
    site.shape = shape(lexer);
    if (site.kind == FaultSite::Kind::index) {
      lexer.expect("<");
      site.bound = lexer.integer("a bound");
    } else {
      lexer.expect("is");
      lexer.expect("finite");
    }
    site.location = lexer.rest();
    end_line(lexer);
    return site;
  }

  Collective collective(LineLexer& lexer, size_t number) {
    expect_number(lexer, number);
    lexer.expect(":");
    Collective result;
    const LineLexer here = lexer;
    const auto op = graph::opcode_from_name(lexer.word("a kind of collective"));
    if (!op || graph::info(*op).kind != graph::OpKind::collective)
      here.fail("expected all_reduce, reduce_scatter or all_gather");
    result.op = *op;
    lexer.expect("as");
    lexer.expect("rank");
    result.rank = lexer.integer("a rank");
    lexer.expect("of");
    result.ranks = lexer.integer("how many ranks there are");
    lexer.expect(":");
    do {
      Collective::Part& part = result.parts.emplace_back();
      part.dtype = dtype(lexer);
      lexer.expect("[");
      part.elements = lexer.integer("how many elements it has");
      lexer.expect("]");
      if (lexer.takes("of")) part.owner = lexer.integer("a rank");
    } while (lexer.takes(","));
    if (lexer.takes("by")) {
      result.fold = lexer.word("sum, max or min");
      lexer.expect("of");
      result.leaves = lexer.integer("how many leaves there are");
      lexer.expect("leaves");
      lexer.expect("in");
      result.pieces = lexer.integer("how many pieces there are");
      lexer.expect("pieces");
    }
    end_line(lexer);
    return result;
  }

  static void arguments(LineLexer& lexer, size_t depth, Step& step) {
    lexer.expect("(");
    while (!lexer.takes(")")) {
      if (!step.arguments.empty()) lexer.expect(",");
      step.arguments.push_back(argument(lexer, depth));
    }
  }

  Step step(LineLexer& lexer, size_t indent, size_t depth) {
    Step result;
    if (lexer.takes("begin")) {
      result.kind = Step::Kind::begin;
      result.collective = static_cast<size_t>(lexer.integer("the number of a collective"));
      arguments(lexer, depth, result);
      end_line(lexer);
      return result;
    }
    if (lexer.takes("end")) {
      result.kind = Step::Kind::end;
      result.collective = static_cast<size_t>(lexer.integer("the number of a collective"));
      end_line(lexer);
      return result;
    }
    if (lexer.takes("launch")) {
      result.kernel = static_cast<size_t>(lexer.integer("the number of a kernel"));
      lexer.name("the name of a kernel");
      arguments(lexer, depth, result);
      result.writes_state = lexer.takes("unless");
      if (result.writes_state) lexer.expect("faulted");
      end_line(lexer);
      return result;
    }
    if (!lexer.takes("repeat"))
      lexer.fail("expected input, output, slot, fault, collective, launch, repeat, begin or end");
    result.kind = Step::Kind::repeat;
    lexer.expect(fmt::format("l{}", depth));
    lexer.expect("in");
    expect_number(lexer, 0);
    lexer.expect("..");
    result.count = lexer.integer("how often");
    result.reverse = lexer.takes("falling");
    lexer.expect(":");
    end_line(lexer);
    while (is_inside(indent)) {
      LineLexer inner = this->lexer();
      result.body.push_back(step(inner, lines_[at_].indent, depth + 1));
    }
    return result;
  }

  // "slot 3 + 640 + 64*l0".
  static Argument argument(LineLexer& lexer, size_t depth) {
    Argument result;
    if (lexer.takes("none")) return {Argument::kNone, 0, {}};
    lexer.expect("slot");
    result.slot = static_cast<size_t>(lexer.integer("the number of a slot"));
    result.strides.resize(depth);
    while (lexer.takes("+")) {
      const int64_t value = lexer.integer("elements");
      if (!lexer.takes("*")) {
        result.offset = value;
        continue;
      }
      const LineLexer here = lexer;
      const std::string loop = lexer.word("a loop");
      size_t which = 0;
      while (which < depth && loop != fmt::format("l{}", which)) ++which;
      if (which == depth) here.fail(fmt::format("this launch is in no loop {}", loop));
      result.strides[which] = value;
    }
    return result;
  }

  void add_kernel(Program& program, LineLexer& lexer) {
    Kernel kernel;
    add_notes(kernel);
    expect_number(lexer, program.kernels.size());
    kernel.name = lexer.name("the name of a kernel");
    Scope scope;
    lexer.expect("(");
    while (!lexer.takes(")")) {
      if (!kernel.arguments.empty()) lexer.expect(",");
      kernel.arguments.push_back(parameter(lexer));
      scope.buffers[kernel.arguments.back()->name] = kernel.arguments.back();
    }
    if (lexer.takes("as")) {
      kernel.anchor = lexer.word("a kind of kernel");
      lexer.expect(",");
      kernel.flops = count(lexer);
      lexer.expect("flops");
      lexer.expect(",");
      kernel.bytes = count(lexer);
      lexer.expect("bytes");
    }
    lexer.expect(":");
    end_line(lexer);
    StmtParser statements(lines_, at_, file_, std::move(scope));
    if (!is_inside(0) || lines_[at_].text != "part:") {
      kernel.parts.push_back(statements.inside(0));
    } else {
      while (is_inside(0)) {
        LineLexer part = this->lexer();
        const size_t indent = lines_[at_].indent;
        part.expect("part");
        part.expect(":");
        end_line(part);
        kernel.parts.push_back(statements.inside(indent));
      }
    }
    program.kernels.push_back(std::move(kernel));
  }

  // The comments right above it say what the kernel is of.
  void add_notes(Kernel& kernel) const {
    size_t first = at_;
    while (first > 0 && lines_[first - 1].text.starts_with(kComment) &&
           lines_[first - 1].number + 1 == lines_[first].number)
      --first;
    for (; first < at_; ++first) {
      const std::string_view note = lines_[first].text.substr(kComment.size());
      if (note.starts_with(kApart)) {
        kernel.apart.emplace_back(note.substr(kApart.size()));
      } else {
        kernel.notes.emplace_back(note);
      }
    }
  }

  static BufferRef parameter(LineLexer& lexer) {
    const bool is_written = lexer.takes("out");
    Buffer buffer = parse_declaration(lexer);
    buffer.written = is_written;
    if (lexer.takes("align")) buffer.alignment = lexer.integer("bytes");
    return std::make_shared<const Buffer>(buffer);
  }

  static double count(LineLexer& lexer) {
    const Token token = lexer.peek();
    double value = 0;
    if (token.kind != TokenKind::integer && token.kind != TokenKind::number) lexer.fail("expected a number");
    std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
    lexer.next();
    return value;
  }

  void check(const Program& program) const {
    try {
      verify(program);
    } catch (const InternalError& error) {
      throw GraphError(fmt::format("{}: {}", file_, error.what()));
    }
  }

  std::string_view file_;
  const std::vector<Line> lines_;
  size_t at_ = 0;
};

}  // namespace

size_t find_program(std::string_view text) {
  constexpr std::string_view kProgram = "program ";
  if (text.starts_with(kProgram)) return 0;
  const size_t before = text.find("\nprogram ");
  return before == std::string_view::npos ? text.size() : before + 1;
}

std::vector<Program> parse(std::string_view text, std::string_view file) {
  return ProgramParser(text, file).run();
}

}  // namespace sinter::loop
