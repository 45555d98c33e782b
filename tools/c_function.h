#pragma once

#include <dlfcn.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "ir/loop/expr.h"

// Expressions of the Loop IR as C, compiled by the system's compiler: a second, independent way to run them.
namespace sinter::tools {

// What a machine does with f32.
struct Machine {
  bool inexact_division = false;    // quotients and square roots are off by 2 to 2.5 units of the last place
  bool contracts_products = false;  // it may round a * b + c once
};

// Prints an expression as a list of definitions, one for each node, in order of evaluation.
class CPrinter {
 public:
  explicit CPrinter(bool inexact_division) : inexact_division_(inexact_division) {}

  void bind(const loop::VariableRef& variable, std::string value) {
    variables_[variable.get()] = std::move(value);
  }

  // The name or literal that stands for `x`.
  std::string print(const loop::Expr& x) {
    using Kind = loop::ExprNode::Kind;
    if (x->kind == Kind::variable) return variables_.at(x->variable.get());
    if (x->kind == Kind::integer) return fmt::format("(({}){}ll)", type(x->type), x->integer);
    if (x->kind == Kind::number) return number(x->number, x->type);
    if (const auto done = names_.find(x.get()); done != names_.end()) return done->second;
    std::vector<std::string> args;
    for (const loop::Expr& arg : x->args) args.push_back(print(arg));
    const std::string value = print_node(*x, args);
    const std::string name = fmt::format("t{}", names_.size());
    definitions_ += fmt::format("    const {} {} = {};\n", type(x->type), name, value);
    return names_[x.get()] = name;
  }

  const std::string& definitions() const { return definitions_; }
  size_t operations() const { return names_.size() - bitcasts_; }

 private:
  static std::string_view type(loop::Type type) {
    switch (type) {
      case loop::Type::boolean:
      case loop::Type::i32:
        return "int";
      case loop::Type::f32:
        return "float";
      case loop::Type::f64:
        return "double";
      default:
        return "long";
    }
  }

  static std::string number(double value, loop::Type type) {
    if (std::isnan(value)) return "__builtin_nanf(\"\")";
    if (std::isinf(value)) return value > 0 ? "__builtin_inff()" : "(-__builtin_inff())";
    return fmt::format("{:a}{}", value, type == loop::Type::f32 ? "f" : "");
  }

  std::string print_node(const loop::ExprNode& x, const std::vector<std::string>& args) {
    using Kind = loop::ExprNode::Kind;
    if (x.kind == Kind::bitcast) {
      ++bitcasts_;
      return fmt::format("{}({})", x.type == loop::Type::f32 ? "as_float" : "as_int", args[0]);
    }
    if (x.kind == Kind::cast) return fmt::format("({}){}", type(x.type), args[0]);
    if (x.kind != Kind::apply) throw std::invalid_argument("an expression that has no C form");
    return print_apply(x, args);
  }

  std::string print_apply(const loop::ExprNode& x, const std::vector<std::string>& args) const {
    using loop::ScalarOp;
    const bool is_integer = x.args.back()->type == loop::Type::i32;
    const auto infix = [&](std::string_view op) { return fmt::format("{} {} {}", args[0], op, args[1]); };
    const auto wrapping = [&](std::string_view op) {
      return is_integer ? fmt::format("(int)((unsigned){} {} (unsigned){})", args[0], op, args[1])
                        : infix(op);
    };
    switch (x.op) {
      case ScalarOp::add:
        return wrapping("+");
      case ScalarOp::sub:
        return wrapping("-");
      case ScalarOp::mul:
        return wrapping("*");
      case ScalarOp::div:
        return quotient(infix("/"));
      case ScalarOp::neg:
        return fmt::format("-{}", args[0]);
      case ScalarOp::abs:
        return fmt::format("__builtin_fabsf({})", args[0]);
      case ScalarOp::fma:
        return fmt::format("__builtin_fmaf({}, {}, {})", args[0], args[1], args[2]);
      case ScalarOp::sqrt:
        return quotient(fmt::format("__builtin_sqrtf({})", args[0]));
      case ScalarOp::rsqrt:
        return fmt::format("inexact((float)(1 / __builtin_sqrt({})))", args[0]);
      case ScalarOp::floor:
        return fmt::format("__builtin_floorf({})", args[0]);
      case ScalarOp::select:
        return fmt::format("{} ? {} : {}", args[0], args[1], args[2]);
      case ScalarOp::less:
        return infix("<");
      case ScalarOp::greater_equal:
        return infix(">=");
      case ScalarOp::greater:
        return infix(">");
      case ScalarOp::equal:
        return infix("==");
      case ScalarOp::logical_and:
        return infix("&");
      case ScalarOp::logical_or:
        return infix("|");
      case ScalarOp::logical_xor:
        return infix("^");
      case ScalarOp::logical_not:
        return fmt::format("!{}", args[0]);
      case ScalarOp::shift_left:
        return fmt::format("(int)((unsigned){} << {})", args[0], args[1]);
      case ScalarOp::shift_right:
        return fmt::format("(int)((unsigned){} >> {})", args[0], args[1]);
      case ScalarOp::mul_high:
        return fmt::format("(int)((unsigned long)(unsigned){} * (unsigned){} >> 32)", args[0], args[1]);
      default:
        throw std::invalid_argument(fmt::format("{} has no C form", name(x.op)));
    }
  }

  std::string quotient(const std::string& value) const {
    return inexact_division_ ? fmt::format("inexact({})", value) : value;
  }

  bool inexact_division_;
  std::unordered_map<const loop::Variable*, std::string> variables_;
  std::unordered_map<const loop::ExprNode*, std::string> names_;
  std::string definitions_;
  size_t bitcasts_ = 0;
};

// A function of two i32 words that gives an f32, over arrays.
class CFunction {
 public:
  CFunction(const std::function<loop::Expr(const loop::Expr&, const loop::Expr&)>& build,
            const Machine& machine) {
    const loop::VariableRef first = loop::make_variable("first", loop::Type::i32);
    const loop::VariableRef second = loop::make_variable("second", loop::Type::i32);
    const loop::Expr value = build(loop::variable(first), loop::variable(second));
    CPrinter printer(machine.inexact_division);
    printer.bind(first, "first[i]");
    printer.bind(second, "second[i]");
    const std::string result = printer.print(value);
    operations_ = printer.operations();
    function_ = compile(fmt::format("{}\nvoid run(const int* restrict first, const int* restrict second,\n"
                                    "         float* restrict values, unsigned long count) {{\n"
                                    "  for (unsigned long i = 0; i < count; ++i) {{\n{}    values[i] = {};\n"
                                    "  }}\n}}\n",
                                    kPrelude, printer.definitions(), result),
                        machine);
  }

  void operator()(const uint32_t* first, const uint32_t* second, float* values, size_t count) const {
    function_(first, second, values, count);
  }
  size_t operations() const { return operations_; }

 private:
  using Function = void (*)(const uint32_t*, const uint32_t*, float*, size_t);

  // An inexact result is off by two units of the last place, up or down as bits of the result have it.
  static constexpr const char* kPrelude = R"(
static inline float as_float(int x) { float y; __builtin_memcpy(&y, &x, 4); return y; }
static inline int as_int(float x) { int y; __builtin_memcpy(&y, &x, 4); return y; }
static inline float inexact(float x) {
  const int bits = as_int(x), magnitude = bits & 0x7fffffff;
  const int step = (bits * 0x9e3779b1u) >> 31 ? 2 : -2;
  return magnitude > 0x00800002 && magnitude < 0x7f7ffffd ? as_float(bits + step) : x;
}
)";

  // The library stays loaded until the program ends.
  static Function compile(const std::string& source, const Machine& machine) {
    std::string pattern = (std::filesystem::temp_directory_path() / "sinter-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    const std::filesystem::path folder = pattern;
    std::ofstream(folder / "function.c") << source;
    const std::string command = fmt::format(
        "cc -O3 -mavx2 -mfma -ffp-contract={1} -fno-math-errno -fno-trapping-math -shared -fPIC "
        "-o {0}/function.so {0}/function.c",
        folder.string(), machine.contracts_products ? "fast" : "off");
    if (std::system(command.c_str()) != 0) throw std::runtime_error("cc fails on " + folder.string());
    void* library = dlopen((folder / "function.so").c_str(), RTLD_NOW);
    if (!library) throw std::runtime_error(dlerror());
    std::filesystem::remove_all(folder);
    return reinterpret_cast<Function>(dlsym(library, "run"));
  }

  Function function_ = nullptr;
  size_t operations_ = 0;
};

}  // namespace sinter::tools
