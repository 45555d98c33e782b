#include "tests/attention/harness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "backends/backend.h"
#include "backends/registry/registry.h"
#include "frontend/compile/compare.h"
#include "ir/graph/text/text.h"
#include "passes/differentiate/differentiate.h"
#include "passes/pipeline.h"
#include "tests/support/interpret.h"

namespace sinter::test {
namespace {

using runtime::HostTensor;

std::string trace(const Form& form, bool gradients) {
  Program program;
  FunctionOptions options;
  options.training = form.training;
  std::vector<Input> inputs = form.inputs;
  // The cotangent has the shape of the result, which tracing once gives.
  const auto add = [&](Program& to, const std::vector<Input>& of, bool whole) {
    to.add(
        "f", of,
        [&](const sinter::Inputs& in) -> Outputs {
          const Tensor y = form.body(in);
          Outputs outputs{{"y", y}};
          if (!whole) return outputs;
          std::vector<Tensor> wrt;
          for (const std::string& name : form.wrt) wrt.push_back(in[name]);
          const std::vector<Tensor> gradients_of = grad(sum(y * in["d_y"]), wrt);
          for (size_t i = 0; i < wrt.size(); ++i) outputs.emplace_back("d_" + form.wrt[i], gradients_of[i]);
          return outputs;
        },
        options);
    to.compile({.device = "reference"});
  };
  add(program, inputs, false);
  if (!gradients) return program.text("f", false);
  const TensorInfo y = program.function("f").outputs()[0];
  std::vector<Extent> shape(y.shape.begin(), y.shape.end());
  inputs.push_back({"d_y", y.dtype, shape});
  Program whole;
  add(whole, inputs, true);
  return whole.text("f", false);
}

template <typename T>
void fill(HostTensor& tensor, const Form& form, std::mt19937& random) {
  std::normal_distribution<double> normal(0, form.scale);
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.data<T>()[i] = static_cast<T>(normal(random));
}

template <typename T>
void fill_integers(HostTensor& tensor, const Form& form, std::mt19937& random) {
  const auto& given = form.integers;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.data<T>()[i] =
        static_cast<T>(given.empty() ? random() % static_cast<unsigned>(form.most_length + 1)
                                     : given[static_cast<size_t>(i) % given.size()]);
  }
}

std::vector<HostTensor> draw_inputs(const graph::Function& function, const Form& form) {
  std::mt19937 random(1);
  std::vector<HostTensor> inputs;
  for (graph::Op* parameter : function.parameters()) {
    const graph::TensorType& type = parameter->results[0];
    HostTensor tensor(static_cast<runtime::DType>(type.dtype), type.shape);
    switch (type.dtype) {
      case graph::DType::f32:
        fill<float>(tensor, form, random);
        break;
      case graph::DType::f64:
        fill<double>(tensor, form, random);
        break;
      case graph::DType::i32:
        fill_integers<int32_t>(tensor, form, random);
        break;
      case graph::DType::i64:
        fill_integers<int64_t>(tensor, form, random);
        break;
      default:
        for (int64_t i = 0; i < tensor.size(); ++i) tensor.data<bool>()[i] = random() % 3 != 0;
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

std::vector<HostTensor> run(const backends::Device& device, const runtime::Executable& executable,
                            const std::vector<HostTensor>& inputs) {
  std::vector<HostTensor> outputs;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const HostTensor& input : inputs) in.push_back(input.raw());
  for (const auto& spec : executable.outputs()) outputs.emplace_back(spec.dtype, spec.shape);
  for (HostTensor& output : outputs) {
    std::fill_n(static_cast<unsigned char*>(output.raw()), output.bytes(), 0x5a);
    out.push_back(output.raw());
  }
  const auto state = device.make_state({});
  const auto context = executable.make_context();
  runtime::Call call;
  call.inputs = in;
  call.outputs = out;
  executable.run(*context, *state, call);
  return outputs;
}

}  // namespace

Outcome check(const Form& form, bool gradients, const char* device_name) {
  SCOPED_TRACE(form.name + (gradients ? ", with gradients" : ""));
  Outcome outcome;
  const graph::Module module = graph::parse(trace(form, gradients));
  const graph::Module expanded = passes::differentiated(module);
  const graph::Function& function = *expanded.find_function("f");
  const std::vector<HostTensor> inputs = draw_inputs(function, form);
  const auto lower = [&](const loop::Target& target) {
    passes::Options options;
    options.verify = true;
    outcome.program = passes::lower(module, "f", target, options);
    return outcome.program;
  };
  std::vector<HostTensor> first;
  for (const int threads : form.threads) {
    const auto device = backends::open_device(device_name, threads);
    const auto executable = device->compile({function.name(), nullptr, lower});
    if (!first.empty()) {
      const auto outputs = run(*device, *executable, inputs);
      for (size_t i = 0; i < outputs.size(); ++i) {
        const bool same = std::memcmp(first[i].raw(), outputs[i].raw(), first[i].bytes()) == 0;
        EXPECT_TRUE(same) << function.outputs[i].name << " with " << threads << " threads";
      }
      continue;
    }
    EXPECT_EQ(difference_from_reference(expanded, function, *device, *executable, inputs), "");
    if (device_name != std::string_view("cpu")) break;
    first = run(*device, *executable, inputs);
  }
  for (const loop::Kernel& kernel : outcome.program.kernels) {
    loop::verify(kernel);
    outcome.anchors += (outcome.anchors.empty() ? "" : " ") + kernel.anchor;
  }
  for (const loop::Slot& slot : outcome.program.slots) {
    const bool held = slot.kind == loop::Slot::Kind::arena || slot.kind == loop::Slot::Kind::constant;
    if (held) outcome.largest = std::max(outcome.largest, slot.elements);
  }

  if (form.interpreted) {
    EXPECT_EQ(difference_from_reference(expanded, function, inputs, interpret(outcome.program, inputs)), "")
        << "interpreted";
  }
  return outcome;
}

}  // namespace sinter::test
