#include "tests/fuzz/programs/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "ir/graph/callees.h"
#include "tests/fuzz/programs/makers.h"
#include "tests/fuzz/programs/rewrite.h"

namespace sinter::fuzz {
namespace {

using graph::Function;
using graph::Module;
using graph::OpKind;

// How often an op of a kind stands in a program, in hundredths.
struct Share {
  OpKind kind;
  int64_t share;
};
constexpr Share kShares[] = {{OpKind::view, 25},        {OpKind::elementwise, 24}, {OpKind::composite, 13},
                             {OpKind::contraction, 10}, {OpKind::data, 10},        {OpKind::reduction, 8},
                             {OpKind::control, 5},      {OpKind::source, 4},       {OpKind::check, 1}};

OpCode any_op(Draw& draw) {
  static const auto by_kind = [] {
    std::map<OpKind, std::vector<OpCode>> result;
    for (const OpCode code : graph::all_opcodes()) result[graph::info(code).kind].push_back(code);
    return result;
  }();
  int64_t left = draw.below(100);
  for (const Share& each : kShares) {
    if ((left -= each.share) < 0) return draw.of(by_kind.at(each.kind));
  }
  return OpCode::add;
}

Plan make_plan(Draw& draw, bool is_large) {
  const std::vector<int64_t> small{1, 2, 3, 4, 5, 6, 7, 8}, middle{9, 11, 12, 13, 16, 17, 24, 31, 32, 33},
      large{63, 64, 65, 100, 127, 128, 129, 256, 257};
  Plan plan;
  const int64_t count = draw.between(2, 4);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t kind = draw.below(10);
    const int64_t of_middle = is_large ? 2 : 6, of_large = is_large ? 6 : 9;  // kinds from here on
    plan.extents.push_back(draw.of(kind < of_middle ? small : kind < of_large ? middle : large));
  }
  if (is_large) {
    plan.most_elements = 40'000;
    plan.most_work = 2'000'000;
  }
  if (draw.one_in(4)) plan.extents.push_back(1);
  if (draw.one_in(30)) plan.extents.push_back(0);
  if (draw.one_in(8)) plan.floating = DType::f64;
  if (draw.one_in(25)) plan.parameters = 40;
  if (draw.one_in(300)) {
    plan.extents.push_back(draw.of<int64_t>({65536, 65537, 70001, 131072}));
    plan.most_elements = 300'000;
    plan.most_work = 300'000;
  }
  return plan;
}

// Parameters that nothing reads stay, as programs have them; functions that nothing calls go.
void drop_functions_not_called(Module& module) {
  for (bool changed = true; changed;) {
    std::set<std::string> called{kFunction};
    for (const auto& function : module.functions) {
      for (const auto& op : function->ops()) {
        for (const std::string& name : graph::callees(*op)) called.insert(name);
      }
    }
    changed = std::erase_if(module.functions, [&](const auto& f) { return !called.contains(f->name()); }) > 0;
  }
}

// What nothing reads is what the function returns, all that there is or the last of it.
void give_results(Writer& w) {
  const Function& function = w.b.function();
  const graph::ValueMap<int> uses = graph::count_uses(function);
  std::vector<Value> unused;
  for (const auto& op : function.ops()) {
    if (op->code == OpCode::parameter || op->code == OpCode::constant) continue;
    for (size_t i = 0; i < op->results.size(); ++i) {
      const Value value = op->result(static_cast<int>(i));
      const auto used = uses.find(value);
      if (used == uses.end() || used->second == 0) unused.push_back(value);
    }
  }
  if (unused.empty()) unused.push_back(w.any());
  const size_t most = w.draw.one_in(20) ? 40 : 4;
  const size_t first = unused.size() > most ? unused.size() - most : 0;
  for (size_t i = first; i < unused.size(); ++i) w.b.output(fmt::format("y{}", i - first), unused[i]);
  if (w.draw.one_in(4)) w.b.output("also", w.any());
}

// Gradients of the weighted sum of all floating results for parameters and values on the way.
void give_gradients(Writer& w) {
  Value loss;
  const std::vector<graph::Output> outputs = w.b.function().outputs;
  for (const graph::Output& output : outputs) {
    if (output.value.dtype() != w.plan.floating) continue;
    const TensorType type = output.value.type();
    const Value weight = w.fit(type);
    std::vector<int64_t> every(type.shape.size());
    for (size_t i = 0; i < every.size(); ++i) every[i] = static_cast<int64_t>(i);
    const Value sum = w.b.reduce_sum(w.b.mul(output.value, weight), every);
    loss = loss ? w.b.add(loss, sum) : sum;
  }
  if (!loss) return;
  std::vector<Value> wrt;
  for (graph::Op* parameter : w.b.function().parameters()) {
    if (parameter->results[0].dtype == w.plan.floating && !w.draw.one_in(5))
      wrt.push_back(parameter->result());
  }
  if (w.draw.one_in(3)) {
    const Value value = w.floating();
    if (std::find(wrt.begin(), wrt.end(), value) == wrt.end() && value.dtype() == w.plan.floating)
      wrt.push_back(value);
  }
  if (wrt.empty()) return;
  const std::vector<Value> gradients = w.b.grad(loss, wrt);
  for (size_t i = 0; i < gradients.size(); ++i) w.b.output(fmt::format("d{}", i), gradients[i]);
  if (w.draw.one_in(4)) w.b.output("loss", loss);
}

uint64_t hash_of(const std::string& text) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

double number(Draw& draw, int which) {
  if (which % 2 == 0) return static_cast<double>(draw.between(-16, 16)) / 8 * (draw.one_in(2) ? 1.0 : -1.0);
  return kLargestInput * (2 * draw.unit() - 1);
}

int64_t integer(Draw& draw, std::optional<int64_t> bound, bool wide, bool strays) {
  if (bound)
    return strays && draw.one_in(8) ? draw.of({int64_t{-1}, *bound, *bound + 7}) : draw.below(*bound);
  if (!draw.one_in(8)) return draw.between(-4, 12);
  if (wide) return draw.of({INT64_MAX, INT64_MIN, int64_t{1} << 32, -(int64_t{1} << 40)});
  return draw.of<int64_t>({INT32_MAX, INT32_MIN, 1 << 24, -65537});
}

}  // namespace

bool write_op(Writer& w, OpCode code) {
  switch (code) {
#define SINTER_OP(name, least, most, kind, ...) \
  case OpCode::name:                            \
    return make::name(w);
#include "ir/graph/ops.def"
#undef SINTER_OP
  }
  return false;
}

void write_some(Writer& w, int64_t count) {
  for (int64_t made = 0, tries = 0; made < count && tries < 4 * count; ++tries) {
    if (write_op(w, any_op(w.draw))) ++made;
  }
}

Program make_program(uint64_t seed, bool large) {
  Draw draw(seed);
  const Plan plan = make_plan(draw, large);
  Program program;
  Function& function = program.module.add_function(kFunction);
  Writer w(program.module, function, draw, plan);
  const int64_t ops = draw.one_in(10) ? draw.between(12, 30) : draw.between(2, 9);
  write_some(w, plan.most_elements > 100'000 ? draw.between(1, 4) : ops);
  give_results(w);
  if (!draw.one_in(3)) give_gradients(w);
  drop_functions_not_called(program.module);
  program.rewritten = rewritten(program.module, draw);
  return program;
}

std::vector<runtime::HostTensor> inputs_for(const Function& function, int which) {
  std::vector<runtime::HostTensor> inputs;
  for (const graph::Op* parameter : function.parameters()) {
    const std::string& name = Function::parameter_name(*parameter);
    const std::optional<int64_t> bound = bound_of_name(name);
    Draw draw(hash_of(name) + static_cast<uint64_t>(which));
    const bool strays = which % 3 == 2 && draw.one_in(3);
    const TensorType& type = parameter->results[0];
    runtime::HostTensor& tensor = inputs.emplace_back(static_cast<runtime::DType>(type.dtype), type.shape);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      switch (tensor.dtype()) {
        case runtime::DType::f32:
          tensor.data<float>()[i] = static_cast<float>(number(draw, which));
          break;
        case runtime::DType::f64:
          tensor.data<double>()[i] = number(draw, which);
          break;
        case runtime::DType::i32:
          tensor.data<int32_t>()[i] = static_cast<int32_t>(integer(draw, bound, false, strays));
          break;
        case runtime::DType::i64:
          tensor.data<int64_t>()[i] = integer(draw, bound, true, strays);
          break;
        default:
          tensor.data<bool>()[i] = draw.one_in(2);
      }
    }
  }
  return inputs;
}

}  // namespace sinter::fuzz
