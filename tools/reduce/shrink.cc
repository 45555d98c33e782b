#include "tools/reduce/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "ir/error.h"
#include "ir/graph/builder.h"
#include "ir/graph/callees.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "passes/differentiate/differentiate.h"
#include "passes/inline_calls/inline_calls.h"

namespace sinter::tools {
namespace {

using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;
using graph::TensorType;
using graph::Value;

void replace_uses(Function& function, Value from, Value to) {
  for (const auto& op : function.ops()) {
    if (op.get() != to.op) std::replace(op->operands.begin(), op->operands.end(), from, to);
  }
  for (graph::Output& output : function.outputs) {
    if (output.value == from) output.value = to;
  }
}

// Ops that nothing needs, parameters of what is run among them.
void drop_dead(Module& module, const std::string& run) {
  for (const auto& function : module.functions) {
    graph::ValueMap<int> uses = graph::count_uses(*function);
    const bool is_run = function->name() == run;
    auto& ops = function->ops();
    for (size_t i = ops.size(); i-- > 0;) {
      const Op& op = *ops[i];
      if (op.code == OpCode::write || (op.code == OpCode::parameter && !is_run)) continue;
      bool used = false;
      for (size_t k = 0; k < op.results.size(); ++k) {
        const auto found = uses.find(ops[i]->result(static_cast<int>(k)));
        used = used || (found != uses.end() && found->second > 0);
      }
      if (used) continue;
      for (const Value operand : op.operands) --uses[operand];
      ops.erase(ops.begin() + static_cast<int64_t>(i));
    }
  }
  std::set<std::string> called{run}, states;
  for (const auto& function : module.functions) {
    for (const auto& op : function->ops()) {
      for (const std::string& name : graph::callees(*op)) called.insert(name);
      if (op->attributes.has("state")) states.insert(op->attributes.text("state"));
    }
  }
  std::erase_if(module.functions, [&](const auto& function) { return !called.contains(function->name()); });
  std::erase_if(module.states, [&](const graph::State& state) { return !states.contains(state.name); });
}

class Shrinker {
 public:
  Shrinker(const Module& module, const std::string& function,
           const std::function<bool(const Module&)>& is_wrong)
      : best_(graph::clone(module)), run_(function), is_wrong_(is_wrong) {}

  Module run() {
    attempt([](Module& m) { m = graph::parse(graph::print(m, {.locations = false})); });
    attempt([](Module& m) { passes::inline_calls(m); });
    shrink();
    // What a gradient stands for may be cut further than the op can be.
    Module whole = graph::clone(best_);
    if (attempt([](Module& m) { passes::differentiate(m); })) {
      shrink();
      if (count_ops(best_) > count_ops(whole)) best_ = std::move(whole);
    }
    return std::move(best_);
  }

 private:
  // Takes the change where what it leaves is a program and still wrong.
  template <typename Change>
  bool attempt(Change change) {
    Module changed = graph::clone(best_);
    try {
      change(changed);
      drop_dead(changed, run_);
      graph::verify(changed);
      const std::string text = graph::print(changed);
      if (!tried_.insert(text).second || !is_wrong_(graph::parse(text))) return false;
    } catch (const std::exception&) {
      return false;
    }
    best_ = std::move(changed);
    return true;
  }

  void shrink() {
    for (bool changed = true; changed;) {
      changed = cut_runs();
      changed |= drop_outputs();
      changed |= cut_ops();
      changed |= shrink_numbers();
    }
  }

  // Half of the ops at once, then a quarter, from the last on.
  bool cut_runs() {
    bool changed = false;
    const auto count = [&] { return static_cast<int64_t>(best_.find_function(run_)->ops().size()); };
    for (int64_t length = count() / 2; length > 1; length /= 2) {
      for (int64_t end = count(); end > 0; end = std::min(end - length, count())) {
        changed |= attempt([&](Module& m) { cut_run(m, std::max<int64_t>(0, end - length), end); });
      }
    }
    return changed;
  }

  // What the run made and others take is a parameter, and what it took a result.
  void cut_run(Module& m, int64_t begin, int64_t end) {
    Function& function = *m.find_function(run_);
    auto& ops = function.ops();
    std::set<const Op*> gone;
    for (int64_t i = begin; i < end; ++i) {
      const Op* op = ops[static_cast<size_t>(i)].get();
      if (op->code != OpCode::parameter) gone.insert(op);
    }
    const auto is_gone = [&](Value value) { return gone.contains(value.op); };
    std::vector<Value> taken, made;
    for (const auto& op : ops) {
      const bool of_run = gone.contains(op.get());
      for (const Value operand : op->operands) {
        std::vector<Value>& to = of_run ? taken : made;
        if (is_gone(operand) != of_run && std::ranges::find(to, operand) == to.end()) to.push_back(operand);
      }
    }
    std::erase_if(function.outputs, [&](const graph::Output& output) { return is_gone(output.value); });
    for (const Value value : taken) {
      const auto is_it = [&](const graph::Output& output) { return output.value == value; };
      if (value.op->code != OpCode::parameter && std::ranges::none_of(function.outputs, is_it))
        function.outputs.push_back({fmt::format("taken{}", outputs_++), value});
    }
    if (gone.empty() || function.outputs.empty()) throw InternalError("nothing to cut, or all of it");
    for (const Value value : made) replace_uses(function, value, new_parameter(m, function, value.type()));
    std::erase_if(ops, [&](const auto& op) { return gone.contains(op.get()); });
  }

  bool drop_outputs() {
    bool changed = false;
    for (size_t i = best_.find_function(run_)->outputs.size(); i-- > 0;) {
      changed |= attempt([&](Module& m) {
        auto& outputs = m.find_function(run_)->outputs;
        if (outputs.size() < 2) throw InternalError("the last");
        outputs.erase(outputs.begin() + static_cast<int64_t>(i));
      });
    }
    for (size_t i = best_.find_function(run_)->outputs.size(); i-- > 0;) changed |= retreat(i);
    return changed;
  }

  // A result is what the op that made it took.
  bool retreat(size_t output) {
    const size_t operands = best_.find_function(run_)->outputs[output].value.op->operands.size();
    for (size_t k = 0; k < operands; ++k) {
      const bool changed = attempt([&](Module& m) {
        Value& value = m.find_function(run_)->outputs[output].value;
        value = value.op->operands[k];
      });
      if (changed) return true;
    }
    return false;
  }

  bool cut_ops() {
    bool changed = false;
    for (size_t f = 0; f < best_.functions.size(); ++f) {
      for (size_t i = best_.functions[f]->ops().size(); i-- > 0;) {
        if (f >= best_.functions.size()) break;
        if (i < best_.functions[f]->ops().size()) changed |= cut(f, i);
      }
    }
    return changed;
  }

  bool cut(size_t f, size_t i) {
    const Op& op = *best_.functions[f]->ops()[i];
    const OpCode code = op.code;
    if (code == OpCode::write) {
      return attempt([&](Module& m) {
        auto& ops = m.functions[f]->ops();
        ops.erase(ops.begin() + static_cast<int64_t>(i));
      });
    }
    const bool is_run = best_.functions[f]->name() == run_;
    if (code == OpCode::parameter && is_run) return join_parameter(i);
    if (code == OpCode::parameter || op.results.empty()) return false;
    const size_t operands = op.operands.size(), results = op.results.size();
    const auto replaced = [&](auto make) {
      return attempt([&](Module& m) {
        Function& function = *m.functions[f];
        Op& cut_off = *function.ops()[i];
        for (size_t k = 0; k < cut_off.results.size(); ++k) {
          const Value from = cut_off.result(static_cast<int>(k));
          replace_uses(function, from, make(m, function, cut_off, from));
        }
      });
    };
    if (results == 1) {
      for (size_t k = 0; k < operands; ++k) {
        if (replaced([&](Module&, Function&, Op& cut_off, Value from) {
              if (cut_off.operands[k].type() != from.type()) throw InternalError("of another type");
              return cut_off.operands[k];
            })) {
          return true;
        }
      }
    }
    if (is_run && code != OpCode::constant && replaced([&](Module& m, Function& function, Op&, Value from) {
          return new_parameter(m, function, from.type());
        })) {
      return true;
    }
    const Op& again = *best_.functions[f]->ops()[i];
    if (again.code == OpCode::constant && again.attributes.has("value")) return false;
    return replaced([&](Module& m, Function& function, Op& cut_off, Value from) {
      graph::Builder b(m, function);
      const bool real = graph::is_floating(from.dtype());
      const Value made =
          real ? b.constant(0.5, from.dtype(), from.shape()) : b.constant_int(1, from.dtype(), from.shape());
      auto& ops = function.ops();
      const auto place =
          std::find_if(ops.begin(), ops.end(), [&](const auto& each) { return each.get() == &cut_off; });
      std::rotate(place, ops.end() - 1, ops.end());
      return made;
    });
  }

  // Two parameters of a type may as well be one.
  bool join_parameter(size_t i) {
    return attempt([&](Module& m) {
      Function& function = *m.find_function(run_);
      const Value from = function.ops()[i]->result();
      for (Op* other : function.parameters()) {
        const Value to = other->result();
        if (to == from) break;
        if (to.type() == from.type()) return replace_uses(function, from, to);
      }
      throw InternalError("none of its type");
    });
  }

  Value new_parameter(Module& m, Function& function, const TensorType& type) {
    graph::Builder b(m, function);
    const int64_t number = parameters_++;
    const bool whole = graph::is_integer(type.dtype);
    const Value made =
        b.parameter(whole ? fmt::format("p{}_below_2", number) : fmt::format("p{}", number), type);
    auto& ops = function.ops();
    const auto place = static_cast<int64_t>(function.parameters().size()) - 1;
    std::rotate(ops.begin() + place, ops.end() - 1, ops.end());
    return made;
  }

  // Extents, attributes and constants that read alike are often the same thing.
  bool shrink_numbers() {
    bool changed = false;
    std::set<int64_t> numbers;
    const std::string text = graph::print(best_);
    for (size_t at = 0; at < text.size();)
      at = visit_number(text, at, [&](size_t, size_t, int64_t n) { numbers.insert(n); });
    for (auto n = numbers.rbegin(); n != numbers.rend(); ++n) {
      for (const int64_t less : {int64_t{1}, int64_t{2}, int64_t{3}, *n / 2, *n - 1}) {
        if (less >= *n || less < 1) continue;
        if (!attempt([&](Module& m) { m = graph::parse(substituted(graph::print(m), *n, less)); })) continue;
        changed = true;
        break;
      }
    }
    return changed;
  }

  // Whole numbers of shapes and lists; the place behind them.
  template <typename Visit>
  static size_t visit_number(const std::string& text, size_t at, Visit visit) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!is_digit(text[at])) return at + 1;
    size_t end = at;
    while (end < text.size() && is_digit(text[end])) ++end;
    const char before = at > 0 ? text[at - 1] : ' ', after = end < text.size() ? text[end] : ' ';
    const bool apart = std::string_view("[,=").find(before) != std::string_view::npos &&
                       std::string_view("],}").find(after) != std::string_view::npos;
    if (apart && end - at < 10) visit(at, end, std::stoll(text.substr(at, end - at)));
    return end;
  }

  static std::string substituted(const std::string& text, int64_t from, int64_t to) {
    std::string result;
    size_t copied = 0;
    for (size_t at = 0; at < text.size();) {
      at = visit_number(text, at, [&](size_t begin, size_t end, int64_t n) {
        if (n != from) return;
        result += text.substr(copied, begin - copied) + std::to_string(to);
        copied = end;
      });
    }
    return result + text.substr(copied);
  }

  Module best_;
  const std::string run_;
  const std::function<bool(const Module&)>& is_wrong_;
  std::set<std::string> tried_;
  int64_t parameters_ = 0, outputs_ = 0;
};

}  // namespace

Module shrunk(const Module& module, const std::string& function,
              const std::function<bool(const Module&)>& is_wrong) {
  return Shrinker(module, function, is_wrong).run();
}

int64_t count_ops(const Module& module) {
  int64_t count = 0;
  for (const auto& function : module.functions) count += static_cast<int64_t>(function->ops().size());
  return count;
}

}  // namespace sinter::tools
