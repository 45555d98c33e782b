#include <cxxabi.h>
#include <fmt/format.h>
#include <sinter/nn/summary.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <typeinfo>

#include "frontend/base/convert.h"
#include "ir/graph/callees.h"
#include "ir/graph/text/text.h"
#include "passes/base/flops.h"
#include "passes/decompose/decompose.h"
#include "passes/differentiate/differentiate.h"
#include "passes/inline_calls/inline_calls.h"
#include "passes/simplify/simplify.h"

namespace sinter::nn {
namespace {

// "Linear" of sinter::nn::Linear.
std::string class_of(const Module& module) {
  const char* mangled = typeid(module).name();
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  const std::string whole = status == 0 ? plain.get() : mangled;
  const size_t end = whole.find('<'), colon = whole.rfind(':', end);
  return colon == std::string::npos ? whole : whole.substr(colon + 1);
}

std::string with_commas(int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<size_t>(at), ",");
  return text;
}

// Rows of as many cells, each as wide as its column; numbers, from `first_number` on, end together.
std::string table_of(const std::vector<std::vector<std::string>>& rows, size_t first_number) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      line += i == first_number ? fmt::format("{:>{}}", row[i], widths[i])
                                : fmt::format("{:{}}", row[i], widths[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

// What the modules of a function do.
class Costs {
 public:
  explicit Costs(const graph::Module& traced) : primitives_(graph::clone(traced)) {
    const std::vector<graph::Function*> functions = graph::callees_first(traced);
    std::for_each(functions.rbegin(), functions.rend(), [&](const auto* function) { look_at(*function); });
    passes::decompose(primitives_, {"only", "attention"});
    passes::simplify(primitives_, {"keep_stop_gradient"});
    passes::differentiate(primitives_);
    passes::decompose(primitives_);
    passes::simplify(primitives_);
    passes::inline_calls(primitives_, {"all"});
    std::set<std::string> called;
    for (const auto& function : primitives_.functions) {
      for (const auto& op : function->ops()) called.merge(as_set(graph::callees(*op)));
    }
    for (const auto& function : primitives_.functions) {
      if (!called.contains(function->name())) count(*function, 1);
    }
  }

  std::string table(const std::string& function) const {
    std::vector<std::vector<std::string>> rows;
    add_rows("", rows);
    rows.push_back(row(function, "", whole_));
    return table_of(rows, 2);
  }

 private:
  struct Cost {
    std::string gives;
    const graph::Function* function = nullptr;  // that it gives it in
    std::set<std::string> states;
    double flops = 0;
  };

  static std::set<std::string> as_set(const std::vector<std::string>& names) {
    return {names.begin(), names.end()};
  }

  std::vector<std::string> row(const std::string& path, const std::string& gives, const Cost& cost) const {
    int64_t elements = 0;
    for (const graph::State& state : primitives_.states) {
      if (cost.states.contains(state.name)) elements += state.type.elements();
    }
    constexpr std::array kUnits = {"", "k", "M", "G", "T"};
    double flops = cost.flops;
    size_t unit = 0;
    while (flops >= 1000 && unit + 1 < kUnits.size()) {
      flops /= 1000;
      ++unit;
    }
    return {path, gives, with_commas(elements), fmt::format("{:.3g} {}flop", flops, kUnits[unit])};
  }

  void add_rows(const std::string& around, std::vector<std::vector<std::string>>& rows) const {
    const auto inside = inside_.find(around);
    if (inside == inside_.end()) return;
    for (const std::string& path : inside->second) {
      rows.push_back(row(path, modules_.at(path).gives, modules_.at(path)));
      add_rows(path, rows);
    }
  }

  // f of the module an operation is made in, and of those around it.
  template <typename F>
  void each_module(const std::string& scope, F&& f) {
    std::string around;
    for (size_t end = scope.find('.'); !scope.empty(); end = scope.find('.', end + 1)) {
      const std::string path = scope.substr(0, end);
      if (!modules_.contains(path)) inside_[around].push_back(path);
      f(modules_[path]);
      if (end == std::string::npos) return;
      around = path;
    }
  }

  // What a module gives is the last in the first function that it is in: not in a loop's body, where that is
  // of one step.
  void look_at(const graph::Function& function) {
    for (const auto& op : function.ops()) {
      if (op->code == graph::OpCode::read) whole_.states.insert(op->attributes.text("state"));
      each_module(op->location.scope, [&](Cost& cost) {
        if (op->code == graph::OpCode::read) {
          cost.states.insert(op->attributes.text("state"));
          return;
        }
        if (op->results.empty() || (cost.function != nullptr && cost.function != &function)) return;
        cost.function = &function;
        cost.gives = graph::to_string(op->results[0]);
      });
    }
  }

  void count(const graph::Function& function, double times) {
    for (const auto& op : function.ops()) {
      if (op->code == graph::OpCode::scan) {
        count(*primitives_.find_function(graph::callee(*op)),
              times * static_cast<double>(op->attributes.integer("length")));
      }
      const double flops = times * passes::flops(*op);
      each_module(op->location.scope, [&](Cost& cost) { cost.flops += flops; });
      whole_.flops += flops;
    }
  }

  graph::Module primitives_;
  std::map<std::string, Cost> modules_;
  std::map<std::string, std::vector<std::string>> inside_;  // of each, in order of first use
  Cost whole_;
};

}  // namespace

std::string summary(const Module& model) {
  std::vector<std::vector<std::string>> rows;
  int64_t elements = 0, trainable = 0, bytes = 0;
  for (const Parameter* parameter : model.parameters()) {
    const int64_t count = element_count(parameter->shape());
    elements += count;
    bytes += count * graph::size_in_bytes(to_graph(parameter->dtype()));
    if (parameter->trainable()) trainable += count;
    rows.push_back({parameter->path(), class_of(parameter->owner()),
                    to_string(parameter->dtype(), parameter->shape()), with_commas(count),
                    parameter->trainable() ? "" : "frozen"});
  }
  return table_of(rows, 3) + fmt::format("{} parameters, {} elements, {} of them trainable, {:.1f} KiB\n",
                                         rows.size(), with_commas(elements), with_commas(trainable),
                                         static_cast<double>(bytes) / 1024);
}

std::string summary(const Program& program, const std::string& function) {
  return Costs(graph::parse(program.text(function))).table(function);
}

}  // namespace sinter::nn
