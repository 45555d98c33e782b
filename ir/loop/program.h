#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph/graph.h"
#include "ir/loop/stmt.h"

namespace sinter::loop {

// What is launched at once: a parallel region on a CPU, a dispatch on a GPU.
struct Kernel {
  std::string name;  // says the ops and the module paths it serves
  std::vector<BufferRef> arguments;
  std::vector<Stmt> parts;           // loop nests side by side, in no order; parts.h
  std::string anchor;                // which schedule made it
  std::vector<std::string> choices;  // what it decided, for each kernel in it
  std::vector<std::string>
      apart;  // for each op that could have joined another kernel, why it starts this one
  std::vector<std::string> notes;  // the ops in it and their source lines
  double flops = 0;
  double bytes = 0;  // read and written at least
};

// A piece of the program's memory. Constants carry their bytes.
struct Slot {
  enum class Kind : uint8_t { input, output, state, arena, constant };

  Kind kind;
  std::string name;
  Type type;
  int64_t elements = 0;
  int64_t ordinal = 0;  // input, output: position in the signature. state: in Module::states
  int64_t offset = 0;   // arena: bytes from its start
  std::vector<std::byte> data;
  std::string origin;                     // arena: where in the user's source it was made
  int64_t first_step = 0, last_step = 0;  // arena: when it is alive, in launches from the start

  int64_t bytes() const { return elements * size_in_bytes(type); }
};

// What the ranks of a step make together (docs/processes.md), as one of them sees it.
struct Collective {
  struct Part {
    graph::DType dtype;
    int64_t elements = 0;  // of the result
    int64_t owner = 0;     // the only one who gets it (reduce_scatter), or who has it already (all_gather)
  };

  graph::OpCode op = graph::OpCode::all_reduce;  // all_reduce, reduce_scatter, all_gather
  std::string fold = "sum";                      // reductions: "sum", "max", "min"
  int64_t leaves = 1;                            // reductions: of the tree
  int64_t pieces = 1;                            // reductions: of each part that this rank gives
  int64_t rank = 0, ranks = 1;
  std::vector<Part> parts;

  // Whether this rank gives an operand, and gets a result, for the part.
  bool gives(const Part& part) const { return op != graph::OpCode::all_gather || part.owner == rank; }
  bool gets(const Part& part) const {
    return op == graph::OpCode::all_reduce || (op == graph::OpCode::reduce_scatter) == (part.owner == rank);
  }
};

// What an op of the graph is.
Collective collective_of(const graph::Op& op);

// A slot as a kernel sees it; inside loops of the program, moved by strides[d] elements an iteration of the
// loop at depth d (0 the outermost).
struct Argument {
  static constexpr size_t kNone = SIZE_MAX;  // the slot of a part that a rank neither gives nor gets

  size_t slot = 0;
  int64_t offset = 0;  // elements
  std::vector<int64_t> strides;
};

// What a program does in order.
struct Step {
  // Between its begin and its end, a collective's operands stay as they are and its results are open.
  enum class Kind : uint8_t { launch, repeat, begin, end };

  Kind kind = Kind::launch;
  size_t kernel = 0;                // launch
  std::vector<Argument> arguments;  // launch; begin: an operand a part, then a result a part
  bool writes_state = false;        // launch: skipped once the fault word is set
  int64_t count = 0;                // repeat: body, `count` times; the loop's variable falls with `reverse`
  bool reverse = false;
  std::vector<Step> body;
  size_t collective = 0;  // begin, end
};

// A check that can set the fault word. Which of several failed checks is told does not depend on threads: the
// first site, and there the first position.
struct FaultSite {
  enum class Kind : uint8_t { index, finite };

  Kind kind;
  std::string op;       // "gather"
  std::string subject;  // the input's name, or what is not finite
  graph::Shape shape;
  int64_t bound = 0;
  std::string location;
};

struct Signature {
  std::string name;
  graph::TensorType type;
};

struct Program {
  std::string name;
  std::vector<Signature> inputs, outputs;
  std::vector<Kernel> kernels;
  std::vector<Collective> collectives;
  std::vector<Slot> slots;
  std::vector<Step> steps;
  std::vector<FaultSite> faults;
  int64_t arena_bytes = 0;
};

std::string print(const Kernel& kernel);
std::string print(const Program& program);

// Throws InternalError that says what does not hold: variables and buffers in scope, types, constant extents
// where they are needed, parallel loops only at the root of a part.
void verify(const Kernel& kernel);
// Of its kernels, and: launches have the arguments that their kernels take, in places that hold them on each
// turn of a loop; what is alive at once in the arena is apart; slots of inputs and outputs are as these are.
void verify(const Program& program);

}  // namespace sinter::loop
