#include "frontend/compile/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"
#include "ir/graph/widen.h"
#include "passes/differentiate/differentiate.h"
#include "runtime/error.h"

namespace sinter {
namespace {

using runtime::DType;
using runtime::HostTensor;
using Tensors = std::vector<HostTensor>;

// What random numbers depend on besides their keys.
struct RandomNumbers {
  uint64_t seed = 0;
  uint32_t step = 0;
};
constexpr RandomNumbers kNumbers = {5, 3};
constexpr double kUnit32 = 0x1p-23, kUnit64 = 0x1p-52;
constexpr double kRoundings = 2;
constexpr double kRoundings64 = 64;  // of f64, where there is nothing wider to measure the reference by
constexpr double kDistances = 4;

double element(const HostTensor& tensor, int64_t i) {
  switch (tensor.dtype()) {
    case DType::f32:
      return tensor.data<float>()[i];
    case DType::f64:
      return tensor.data<double>()[i];
    case DType::i32:
      return tensor.data<int32_t>()[i];
    case DType::i64:
      return static_cast<double>(tensor.data<int64_t>()[i]);
    default:
      return tensor.data<bool>()[i] ? 1 : 0;
  }
}

bool has_f32(const graph::Function& function) {
  return std::any_of(function.ops().begin(), function.ops().end(), [](const auto& op) {
    return (op->body && has_f32(*op->body)) ||
           std::any_of(op->results.begin(), op->results.end(),
                       [](const auto& type) { return type.dtype == graph::DType::f32; });
  });
}

HostTensor widened(const HostTensor& tensor) {
  if (tensor.dtype() != DType::f32) return tensor;
  HostTensor wide(DType::f64, tensor.shape());
  for (int64_t i = 0; i < tensor.size(); ++i) wide.data<double>()[i] = tensor.data<float>()[i];
  return wide;
}

// Below which every index lies.
int64_t index_bound(const graph::Function& function) {
  int64_t bound = 8;
  for (const auto& op : function.ops()) {
    if (op->body) bound = std::min(bound, index_bound(*op->body));
    if (op->code == graph::OpCode::check_index) bound = std::min(bound, op->attributes.integer("bound"));
    if (op->code == graph::OpCode::cross_entropy) bound = std::min(bound, op->operands[0].shape().back());
    if (op->code == graph::OpCode::gather || op->code == graph::OpCode::scatter_add) {
      const auto axis = static_cast<size_t>(op->attributes.integer("axis"));
      bound = std::min(bound, op->operands[0].shape()[axis]);
    }
  }
  return std::max<int64_t>(bound, 1);
}

bool has_sorted_indices(const graph::Function& function) {
  return std::ranges::any_of(function.ops(), [](const auto& op) {
    return (op->body && has_sorted_indices(*op->body)) ||
           (op->code == graph::OpCode::scatter_add && op->attributes.flag("sorted"));
  });
}

// The sort among the ops that merges what lies in runs; nullptr where none does.
const graph::Op* merge_of(const graph::Function& function) {
  for (const auto& op : function.ops()) {
    if (op->code == graph::OpCode::sort && op->operands.size() > 1) return op.get();
    const graph::Op* inner = op->body ? merge_of(*op->body) : nullptr;
    if (inner != nullptr) return inner;
  }
  return nullptr;
}

// Sorts rows in runs as `merge` takes them.
void sort_runs(HostTensor& rows, const graph::Op& merge) {
  const int64_t run = merge.attributes.integer("run") / 2, length = rows.shape().back();
  const auto sort = [&]<typename T>(T* x) {
    for (int64_t first = 0; first < rows.size(); first += length) {
      for (int64_t begin = 0; begin < length; begin += run) {
        T* const end = x + first + std::min(begin + run, length);
        std::sort(x + first + begin, end);
        if (merge.attributes.flag("descending")) std::reverse(x + first + begin, end);
      }
    }
  };
  if (rows.dtype() == DType::f32) sort(rows.data<float>());
  if (rows.dtype() == DType::f64) sort(rows.data<double>());
  if (rows.dtype() == DType::i32) sort(rows.data<int32_t>());
  if (rows.dtype() == DType::i64) sort(rows.data<int64_t>());
}

enum class Draw { both_signs, positive, hard };

// Ties for rounding and comparing, zeros, integers, and magnitudes that are lost beside each other; their
// products and sums of a thousand of those are numbers of f32.
constexpr double kHard[] = {0,   -0.0, 0.5, -0.5, 1,   -1,   1.5,   -1.5, 2,
                            2.5, -2,   3,   100,  0.1, 1e-8, -1e-8, 1e8,  -1e8};

double drawn_number(Draw draw, std::mt19937& random) {
  if (draw == Draw::hard) return kHard[random() % std::size(kHard)];
  // Roots, logarithms and powers of positive ones have a value.
  const double low = draw == Draw::positive ? 0.25 : -2;
  return low + (2 - low) * 0x1p-32 * static_cast<double>(random());
}

HostTensor drawn(const graph::TensorType& type, Draw draw, int64_t bound, std::mt19937& random) {
  HostTensor tensor(static_cast<DType>(type.dtype), type.shape);
  const auto integer = [&] { return static_cast<int64_t>(random()) % bound; };
  for (int64_t i = 0; i < tensor.size(); ++i) {
    switch (tensor.dtype()) {
      case DType::f32:
        tensor.data<float>()[i] = static_cast<float>(drawn_number(draw, random));
        break;
      case DType::f64:
        tensor.data<double>()[i] = drawn_number(draw, random);
        break;
      case DType::i32:
        tensor.data<int32_t>()[i] = static_cast<int32_t>(integer());
        break;
      case DType::i64:
        tensor.data<int64_t>()[i] = integer();
        break;
      default:
        tensor.data<bool>()[i] = random() % 2 == 0;
    }
  }
  return tensor;
}

// A call that failed has written to state.
struct WrittenState {
  std::string name;
};

// The outputs of a call, and then all state. Throws RuntimeError where a check fails, or WrittenState.
Tensors results_of(const backends::Device& device, const runtime::Executable& executable,
                   const graph::Module& module, const Tensors& inputs, const Tensors& before,
                   RandomNumbers numbers, runtime::Roundings* roundings = nullptr) {
  Tensors results;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const HostTensor& input : inputs) in.push_back(input.raw());
  for (const auto& spec : executable.outputs())
    out.push_back(results.emplace_back(spec.dtype, spec.shape).raw());
  const auto context = executable.make_context();
  const auto state = device.make_state(module.states);
  for (size_t i = 0; i < before.size(); ++i) state->set(module.states[i].name, before[i]);
  Tensors held;
  for (const graph::State& each : module.states) held.push_back(state->get(each.name));
  try {
    executable.run(*context, *state, {in, out, numbers.seed, numbers.step, nullptr, roundings});
  } catch (const RuntimeError&) {
    for (size_t i = 0; i < held.size(); ++i) {
      const std::string& name = module.states[i].name;
      if (std::memcmp(state->get(name).raw(), held[i].raw(), held[i].bytes()) != 0) throw WrittenState{name};
    }
    throw;
  }
  for (const graph::State& each : module.states) results.push_back(state->get(each.name));
  return results;
}

// What the reference gives, outputs and then state, as written and in f64, with how far each element may be
// off, or the failure of a check.
struct Expected {
  Tensors narrow, wide, roundings;
  std::string failure;
};

Expected expected(const graph::Module& module, const graph::Function& function, const Tensors& inputs,
                  const Tensors& before, double unit, RandomNumbers numbers) {
  const auto reference = backends::open_device("reference");
  const auto evaluate = [&](const graph::Module& of, const Tensors& given, const Tensors& held,
                            runtime::Roundings* roundings) {
    const auto executable = reference->compile({function.name(), [&] { return graph::clone(of); }, nullptr});
    return results_of(*reference, *executable, of, given, held, numbers, roundings);
  };
  Expected result;
  try {
    result.narrow = evaluate(module, inputs, before, nullptr);
    Tensors wide_inputs, wide_before;
    for (const HostTensor& input : inputs) wide_inputs.push_back(widened(input));
    for (const HostTensor& state : before) wide_before.push_back(widened(state));
    runtime::Roundings roundings{unit};
    result.wide = evaluate(graph::widen(module), wide_inputs, wide_before, &roundings);
    result.roundings = std::move(roundings.outputs);
    for (const graph::State& state : module.states) {
      const auto written = roundings.states.find(state.name);
      result.roundings.push_back(
          written != roundings.states.end() ? written->second : HostTensor(DType::f64, state.type.shape));
    }
  } catch (const RuntimeError& error) {
    result.failure = error.what();
  }
  return result;
}

// The element that is farthest beyond what is allowed.
struct Worst {
  int64_t at = -1;
  double excess = 0, allowed = 0, got = 0, want = 0;
};

Worst worst_of(const HostTensor& got, const HostTensor& narrow, const HostTensor& wide,
               const HostTensor& roundings, double unit, double allowed_roundings) {
  Worst worst;
  for (int64_t i = 0; i < got.size(); ++i) {
    const double g = element(got, i), n = element(narrow, i), w = element(wide, i), r = element(roundings, i);
    const double allowed = r > 0 ? allowed_roundings * unit * r : 0;
    double excess = std::fabs(g - w) - allowed;
    if (std::isinf(r)) {
      excess = 0;
    } else if (!std::isfinite(n) || !std::isfinite(w)) {
      const bool both = (std::isnan(n) && std::isnan(w)) || n == w;  // else f32 has overflowed
      const bool same = (std::isnan(g) && std::isnan(w)) || g == w;
      excess = both && !same ? INFINITY : 0;
    } else if (std::isnan(g)) {
      excess = INFINITY;
    }
    // Doubles do not tell large ones apart.
    const bool is_i64 = got.dtype() == DType::i64;
    if (is_i64 && r == 0 && got.data<int64_t>()[i] != wide.data<int64_t>()[i]) excess = std::max(excess, 1.0);
    if (excess > worst.excess) worst = {i, excess, allowed, g, w};
  }
  return worst;
}

// How far the reference is from its result in f64, at most, in roundings.
double distance_of(const HostTensor& narrow, const HostTensor& wide, const HostTensor& roundings,
                   double unit) {
  double distance = 0;
  for (int64_t i = 0; i < narrow.size(); ++i) {
    const double d = std::fabs(element(narrow, i) - element(wide, i)) / (unit * element(roundings, i));
    if (std::isfinite(d)) distance = std::max(distance, d);
  }
  return distance;
}

std::string compare(const graph::Function& function, const Expected& expected, const Tensors& got,
                    double unit, size_t* result) {
  for (size_t i = 0; i < got.size(); ++i) {
    const HostTensor &narrow = expected.narrow[i], &wide = expected.wide[i],
                     &roundings = expected.roundings[i];
    const double allowed =
        unit == kUnit64 ? kRoundings64 : kRoundings + kDistances * distance_of(narrow, wide, roundings, unit);
    const Worst worst = worst_of(got[i], narrow, wide, roundings, unit, allowed);
    if (worst.at < 0) continue;
    if (result != nullptr) *result = i;
    const size_t outputs = function.outputs.size();
    return fmt::format("{} {} {} is {:.9g}, expected {:.9g}{}", i < outputs ? "output" : "state",
                       i < outputs ? i : i - outputs, runtime::position_text(narrow.shape(), worst.at),
                       worst.got, worst.want,
                       worst.allowed > 0 ? fmt::format(" within {:.2g}", worst.allowed) : "");
  }
  return "";
}

}  // namespace

std::string difference_from_reference(const graph::Module& module, const graph::Function& function,
                                      const backends::Device& device, const runtime::Executable& executable,
                                      const std::vector<HostTensor>& inputs,
                                      const std::vector<HostTensor>& before, size_t* result) {
  const double unit = has_f32(function) ? kUnit32 : kUnit64;
  const Expected want = expected(module, function, inputs, before, unit, kNumbers);
  Tensors got;
  try {
    got = results_of(device, executable, module, inputs, before, kNumbers);
  } catch (const WrittenState& state) {
    return fmt::format("it fails, and writes state '{}' all the same", state.name);
  } catch (const RuntimeError& error) {
    return want.failure.empty() ? fmt::format("it fails: {}", error.what()) : "";
  }
  if (!want.failure.empty()) return fmt::format("it does not find: {}", want.failure);
  return compare(function, want, got, unit, result);
}

std::string difference_from_reference(const graph::Module& module, const graph::Function& function,
                                      const std::vector<HostTensor>& inputs,
                                      const std::vector<HostTensor>& outputs) {
  const double unit = has_f32(function) ? kUnit32 : kUnit64;
  const Expected want = expected(module, function, inputs, {}, unit, {});
  if (!want.failure.empty()) return fmt::format("it does not find: {}", want.failure);
  return compare(function, want, outputs, unit, nullptr);
}

std::string difference_on_random_inputs(const graph::Module& module, const graph::Function& function,
                                        const backends::Device& device, const runtime::Executable& executable,
                                        size_t* result) {
  std::mt19937 random(1);
  for (const Draw draw : {Draw::both_signs, Draw::positive, Draw::hard}) {
    Tensors inputs, state;
    for (const graph::Op* parameter : function.parameters()) {
      HostTensor& input =
          inputs.emplace_back(drawn(parameter->results[0], draw, index_bound(function), random));
      const bool is_i32 = input.dtype() == DType::i32, is_i64 = input.dtype() == DType::i64;
      const graph::Op* merge = merge_of(function);
      if (merge != nullptr && input.shape() == merge->operands[0].shape()) sort_runs(input, *merge);
      if (!has_sorted_indices(function)) continue;
      if (is_i32) std::sort(input.data<int32_t>(), input.data<int32_t>() + input.size());
      if (is_i64) std::sort(input.data<int64_t>(), input.data<int64_t>() + input.size());
    }
    for (const graph::State& each : module.states)
      state.push_back(drawn(each.type, draw, index_bound(function), random));
    std::string difference =
        difference_from_reference(module, function, device, executable, inputs, state, result);
    if (!difference.empty()) return difference;
  }
  return "";
}

std::string difference_from_reference(const graph::Module& module, std::string_view function,
                                      const backends::Device& device, const std::vector<HostTensor>& inputs,
                                      const passes::Options& options) {
  const graph::Module expanded = passes::differentiated(module);
  const auto executable = compile_function(module, function, device, options);
  return difference_from_reference(expanded, *expanded.find_function(function), device, *executable, inputs);
}

}  // namespace sinter
