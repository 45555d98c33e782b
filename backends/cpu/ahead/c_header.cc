#include "backends/cpu/ahead/c_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>
#include <string_view>

#include "backends/cpu/ahead/running.h"
#include "ir/error.h"

namespace sinter::cpu {
namespace {

using graph::DType;

constexpr size_t kLine = 110;  // characters, at most

// Words of C and C++ that name nothing else, and those that the header has itself.
constexpr std::string_view kTaken =
    " NULL alignas alignof and and_eq asm auto bitand bitor bool break case catch char class co_await "
    "co_return co_yield compl concept const const_cast consteval constexpr constinit context "
    "continue decltype default delete do double dynamic_cast else enum errno explicit export extern "
    "false float for friend goto if inline int int32_t int64_t linux long mutable namespace new "
    "noexcept not not_eq nullptr operator or or_eq private protected public register "
    "reinterpret_cast requires restrict return short signed size_t sizeof static static_assert "
    "static_cast struct switch template this throw true try typedef typeid typename uint16_t uint8_t "
    "union unix unsigned using virtual void volatile wchar_t while xor xor_eq ";

const char* c_type(DType type) {
  switch (type) {
    case DType::f16:
    case DType::bf16:
      return "uint16_t";
    case DType::f32:
      return "float";
    case DType::f64:
      return "double";
    case DType::i32:
      return "int32_t";
    case DType::i64:
      return "int64_t";
    case DType::boolean:
      return "uint8_t";
  }
  return "";
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// What may stand in a comment.
std::string in_comment(std::string text) {
  for (size_t end; (end = text.find("*/")) != std::string::npos;) text.replace(end, 2, "* /");
  for (size_t begin; (begin = text.find("/*")) != std::string::npos;) text.replace(begin, 2, "/ *");
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string identifier(std::string name, std::set<std::string>& used) {
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0 || name[0] == '_')
    name = "v" + name;
  const auto is_taken = [&] { return kTaken.find(" " + name + " ") != std::string_view::npos; };
  while (is_taken() || !used.insert(name).second) name += '_';
  return name;
}

std::string shape_text(const graph::Shape& shape) {
  return shape.empty() ? "one" : fmt::format("[{}]", fmt::join(shape, "]["));
}

class Writer {
 public:
  Writer(const backends::Library& library, const std::vector<loop::Program>& programs,
         const HeaderFacts& facts)
      : library_(library), programs_(programs), facts_(facts), macro_(upper(library.name)) {}

  std::string write() {
    put_about();
    put_constants();
    put_types();
    if (has_state()) put_state();
    for (size_t i = 0; i < programs_.size(); ++i) put_function(i);
    put("#ifdef __cplusplus\n}}\n#endif\n\n#endif /* {}_H */\n", macro_);
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  bool has_state() const { return !library_.states.empty(); }
  // NAME and MACRO in a text stand for the library's.
  void put_named(std::string_view lines) {
    while (!lines.empty()) {
      if (lines.starts_with("NAME")) {
        text_ += library_.name;
        lines.remove_prefix(4);
      } else if (lines.starts_with("MACRO")) {
        text_ += macro_;
        lines.remove_prefix(5);
      } else {
        text_ += lines[0];
        lines.remove_prefix(1);
      }
    }
  }

  void put_about() {
    std::vector<std::string> names;
    for (const auto& entry : library_.entries) names.push_back(library_.name + "_" + entry.name);
    put("/* {}.h: {} for {}, compiled ahead of time by Sinter. Link {}.o.\n", library_.name,
        fmt::join(names, ", "), in_comment(facts_.machine), library_.name);
    put_named(R"(
   All memory is the caller's. Calls allocate nothing, print nothing and keep nothing but what lies in the memory
   that they are given.

   A NAME_context is for one thread at a time. Several threads, each with a context and an arena of its own,
   may call at once what does not write the state. Results are the same to the bit with parallel_for and without,
   for any number of threads.

   Every function returns MACRO_OK, or another MACRO_ status. A call that fails has changed no state; its outputs
   are then undefined.

)");
    put("   The code needs {}.\n*/\n", needs());
    put_named(R"(#ifndef MACRO_H
#define MACRO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

)");
  }

  std::string needs() const {
    std::vector<std::string> memory, math, compilers;
    for (const std::string& name : facts_.needs)
      (name.starts_with("mem") ? memory : name.starts_with("__") ? compilers : math).push_back(name);
    std::string text;
    const auto add = [&](const std::vector<std::string>& names, std::string_view library) {
      if (names.empty()) return;
      text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", fmt::join(names, ", "), library);
    };
    add(memory, "libc");
    add(math, "libm");
    add(compilers, "the compiler's own library");
    return text.empty() ? "nothing of any library" : text;
  }

  void put_constants() {
    put("/* What memory has to be aligned to: the state, arenas. Inputs and outputs: to their elements. "
        "*/\n");
    put("#define {}_ALIGNMENT {}\n\n", macro_, kCallersAlignment);
    put("/* The arena, what a call computes in: as large as the function needs, or as any does. `threads` is "
        "1\n"
        "   without parallel_for. What calls leave there is of no use to others. */\n");
    const uint64_t most = *std::ranges::max_element(facts_.arena_bytes);
    for (size_t i = 0; i < facts_.arena_bytes.size(); ++i)
      put_arena_bytes("_" + upper(library_.entries[i].name), facts_.arena_bytes[i]);
    put_arena_bytes("", most);
    put("\n/* Of a thread's stack, what a call or a unit of its work takes at most. */\n");
    put("#define {}_STACK_BYTES ((size_t){})\n", macro_, facts_.stack_bytes);
    put("\n/* Of random numbers: what the program was compiled with. */\n");
    put("#define {}_SEED UINT64_C({})\n\n", macro_, library_.seed);
    put("/* Tells this header from those of other exports. */\n");
    put("#define {}_INTERFACE UINT64_C(0x{:016x})\n\n", macro_, facts_.interface);
  }

  void put_arena_bytes(const std::string& name, uint64_t bytes) {
    put("#define {}{}_ARENA_BYTES(threads) ((size_t){} + (size_t)(threads) * {})\n", macro_, name, bytes,
        facts_.thread_bytes);
  }

  void put_types() {
    put_named(R"(enum {
  MACRO_OK = 0,
  /* An index is out of its range: see the context's fault. */
  MACRO_BAD_INDEX = 1,
  /* A checked value is infinite or NaN: see the context's fault. */
  MACRO_NOT_FINITE = 2,
  /* The caller's header is not the one that was written with the object, or the context is none that
     NAME_make_context made. */
  MACRO_OTHER_HEADER = 3,
  /* The state is none of this model's: another file, or one cut short. */
  MACRO_OTHER_STATE = 4,
  /* arena_bytes is less than the function needs for so many threads. */
  MACRO_SMALL_ARENA = 5,
  /* The state or the arena begins at no multiple of MACRO_ALIGNMENT. */
  MACRO_MISALIGNED = 6
};

/* A check that failed. */
typedef struct NAME_fault {
  const char* check; /* the operation that checks: "gather", "Embedding", "finite" */
  const char* input; /* what was checked: an input's name, or a value's */
  const char* where; /* in the model's source, or "" */
  int64_t position;  /* of the element in `input`, counted row by row from 0 */
  int64_t bound;     /* indices lie in [0, bound), */
  int64_t index;     /* and this one does not */
  double value;      /* what is not finite */
} NAME_fault;

/* Does units begin .. end - 1 of some work, as thread number `thread`. */
typedef void (*NAME_body)(void* data, int32_t thread, int64_t begin, int64_t end);

/* Has `body` do all of the units 0 .. units - 1, each once, in any order, by threads 0 .. threads - 1 at most, and
   returns when they are done and the caller sees what they wrote. No two of the threads at work have one number. */
typedef void (*NAME_parallel_for)(void* pool, int64_t units, int32_t threads, NAME_body body, void* data);

/* What a call needs besides its inputs and outputs. */
typedef struct NAME_context {
  /* MACRO_INTERFACE. */
  uint64_t interface_;
  /* Shared by all contexts that use it. */
  void* state;
  /* Of this context alone. */
  void* arena;
  size_t arena_bytes;
  /* Of random numbers. */
  uint64_t seed;
  /* Which call the next one is, for random numbers of functions that do not write the state: successful ones add 1.
     Those of functions that write it follow the step that it holds. */
  uint32_t call;
  /* That parallel_for has, the caller's own included. */
  int32_t threads;
  /* NULL: calls use their own thread alone. */
  NAME_parallel_for parallel_for;
  /* Passed on to parallel_for. */
  void* pool;
  /* Of the last call that failed a check. */
  NAME_fault fault;
} NAME_context;

/* A context without parallel_for, at call 0. */
static inline NAME_context NAME_make_context(void* state, void* arena, size_t arena_bytes) {
  NAME_context context = {MACRO_INTERFACE, state, arena, arena_bytes, MACRO_SEED, 0, 1, NULL, NULL,
                          {NULL, NULL, NULL, 0, 0, 0, 0}};
  return context;
}

)");
  }

  void put_state() {
    put_named(
        R"(/* The state is a safetensors file as it lies in memory: read one into MACRO_STATE_BYTES bytes, and it is loaded;
   write these to a file, and it is saved, with its step. )");
    put_named(library_.has_values ? "NAME.safetensors is what it was when the model was exported.\n"
                                  : "No such file came with this model: its values must be\n"
                                    "   loaded, or set in what NAME_clear_state makes.\n");
    size_t longest = 0;
    for (const backends::Library::State& state : library_.states)
      longest = std::max(longest, state.spec.name.size());
    put("\n   {:<{}} {:<4} {:<12} {:>10} {:>10}\n", "state", longest, "type", "shape", "at byte", "bytes");
    for (const backends::Library::State& state : library_.states) {
      put("   {:<{}} {:<4} {:<12} {:>10} {:>10}\n", in_comment(state.spec.name), longest,
          runtime::name(state.spec.dtype), shape_text(state.spec.shape), state.begin, state.bytes);
    }
    put("*/\n#define {}_STATE_BYTES ((size_t){})\n", macro_, facts_.state_bytes);
    put("#define {}_STATES {}\n\n", macro_, library_.states.size());
    put_named(R"(typedef struct NAME_tensor {
  const char* name;
  const char* type; /* "f32", "i64", ... */
  const int64_t* shape;
  int64_t rank;
  size_t begin; /* byte of the state where it begins */
  size_t bytes;
} NAME_tensor;
extern const NAME_tensor NAME_states[MACRO_STATES]; /* as listed above */

/* MACRO_OK where `bytes` bytes at `state` are a state of this model, else MACRO_OTHER_STATE. For what was read from
   a file; other functions look at its size alone. */
int NAME_check_state(const void* state, size_t bytes);

/* Makes MACRO_STATE_BYTES bytes at `state` a state of zeros, at step 0. */
void NAME_clear_state(void* state);

)");
  }

  void put_tensors(const char* kind, const std::vector<loop::Signature>& tensors,
                   const std::vector<std::string>& names) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      const auto& [name, type] = tensors[i];
      const std::string half = type.dtype == DType::f16    ? ", bits of binary16"
                               : type.dtype == DType::bf16 ? ", bits of bfloat16"
                                                           : "";
      put("     {:<7} {:<20} {} {}, {} bytes{}{}\n", i == 0 ? kind : "", names[i], c_type(type.dtype),
          shape_text(type.shape), type.bytes(), half,
          names[i] == name ? "" : fmt::format("; '{}'", in_comment(name)));
    }
  }

  void put_states(const char* kind, const std::vector<std::string>& states) {
    constexpr size_t kMost = 4;
    if (states.empty()) return;
    if (states.size() == library_.states.size() && states.size() > kMost)
      return put("     {:<7} all {} states\n", kind, states.size());
    std::vector<std::string> first(states.begin(),
                                   states.begin() + static_cast<long>(std::min(states.size(), kMost)));
    put("     {:<7} {}{}\n", kind, in_comment(fmt::format("{}", fmt::join(first, ", "))),
        states.size() > kMost ? fmt::format(" and {} more", states.size() - kMost) : "");
  }

  // "batch = 32, time = 10."
  static std::string sizes_text(const std::map<std::string, int64_t>& sizes) {
    std::vector<std::string> texts;
    for (const auto& [dim, size] : sizes) texts.push_back(fmt::format("{} = {}", dim, size));
    return texts.empty() ? "" : fmt::format(" {}.", fmt::join(texts, ", "));
  }

  // For callers who have another number of rows.
  void put_rows(const backends::Rows& rows, const std::vector<std::string>& inputs,
                const std::vector<std::string>& outputs) {
    std::vector<std::string> from, to;
    for (size_t i = 0; i < rows.inputs.size(); ++i) {
      if (rows.inputs[i]) from.push_back(inputs[i]);
    }
    for (size_t i = 0; i < rows.outputs.size(); ++i) {
      if (rows.outputs[i].axis >= 0) to.push_back(outputs[i]);
    }
    if (to.empty()) return;
    put("     rows    {}: each of the {} is made of the same one of {} alone\n", fmt::join(to, ", "),
        rows.count, fmt::join(from, ", "));
  }

  void put_function(size_t i) {
    const loop::Program& program = programs_[i];
    const backends::Library::Entry& entry = library_.entries[i];
    std::set<std::string> used;
    std::vector<std::string> inputs, outputs, parameters = {library_.name + "_context* context"};
    for (const auto& [name, type] : program.inputs) {
      inputs.push_back(identifier(name, used));
      parameters.push_back(fmt::format("const {}* {}", c_type(type.dtype), inputs.back()));
    }
    for (const auto& [name, type] : program.outputs) {
      outputs.push_back(identifier(name, used));
      parameters.push_back(fmt::format("{}* {}", c_type(type.dtype), outputs.back()));
    }
    put("/* {}{}\n", entry.writes.empty() ? "Leaves the state as it is." : "Writes the state: one step.",
        sizes_text(entry.sizes));
    put_tensors("in", program.inputs, inputs);
    put_tensors("out", program.outputs, outputs);
    put_rows(entry.rows, inputs, outputs);
    put_states("reads", entry.reads);
    put_states("writes", entry.writes);
    const std::string head = fmt::format("int {}_{}(", library_.name, entry.name);
    const std::string wrapped = ",\n" + std::string(head.size(), ' ');
    const std::string line = fmt::format("{}{});", head, fmt::join(parameters, ", "));
    put("*/\n{}\n\n",
        line.size() <= kLine ? line : fmt::format("{}{});", head, fmt::join(parameters, wrapped)));
  }

  const backends::Library& library_;
  const std::vector<loop::Program>& programs_;
  const HeaderFacts& facts_;
  std::string macro_;
  std::string text_;
};

}  // namespace

void check_names(const backends::Library& library) {
  std::set<std::string_view> taken = {"body",   "check_state", "clear_state",  "context",     "fault",
                                      "tensor", "states",      "parallel_for", "make_context"};
  for (const backends::Library::Entry& entry : library.entries) {
    if (taken.insert(entry.name).second) continue;
    throw GraphError(
        fmt::format("function '{1}' cannot be exported under this name: there is another {0}_{1}",
                    library.name, entry.name));
  }
}

std::string c_header(const backends::Library& library, const std::vector<loop::Program>& programs,
                     const HeaderFacts& facts) {
  return Writer(library, programs, facts).write();
}

}  // namespace sinter::cpu
