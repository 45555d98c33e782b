#include "backends/reference/reference.h"

#include <cstring>

#include "backends/reference/interpreter.h"
#include "ir/graph/callees.h"
#include "runtime/error.h"

namespace sinter::reference {
namespace {

using runtime::HostTensor;
using runtime::TensorSpec;

class Program final : public runtime::Executable {
 public:
  Program(const backends::Source& source, std::shared_ptr<runtime::Communicator> communicator)
      : module_(source.expand()),
        function_(*module_.find_function(source.function)),
        communicator_(std::move(communicator)) {
    for (const graph::Op* parameter : function_.parameters()) {
      inputs_.push_back(
          backends::to_spec(graph::Function::parameter_name(*parameter), parameter->results[0]));
    }
    for (const graph::Output& output : function_.outputs) {
      outputs_.push_back(backends::to_spec(output.name, output.value.type()));
    }
  }

  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  std::unique_ptr<runtime::Context> make_context() const override {
    return std::make_unique<runtime::Context>();
  }

  void run(runtime::Context&, runtime::StateStore& state, const runtime::Call& call) const override {
    auto* host_state = dynamic_cast<runtime::HostState*>(&state);
    if (host_state == nullptr) throw RuntimeError("reference: the state lies on another device");
    std::vector<HostTensor> inputs;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      HostTensor& tensor = inputs.emplace_back(inputs_[i].dtype, inputs_[i].shape);
      std::memcpy(tensor.raw(), call.inputs[i], tensor.bytes());
    }
    const EvaluateState with{
        host_state, call.seed, call.step, communicator_.get(), {call.program_mark, call.data_mark}};
    const auto outputs = evaluated(inputs, with, call.roundings);
    for (size_t i = 0; i < outputs.size(); ++i) {
      std::memcpy(call.outputs[i], outputs[i].raw(), outputs[i].bytes());
    }
  }

 private:
  // What fails on one rank ends all, who would wait for it.
  std::vector<HostTensor> evaluated(const std::vector<HostTensor>& inputs, const EvaluateState& with,
                                    runtime::Roundings* roundings) const {
    try {
      return evaluate(module_, function_, inputs, with, roundings);
    } catch (const RuntimeError& error) {
      if (communicator_ != nullptr) communicator_->fail(error.what());
      throw;
    }
  }

  graph::Module module_;
  const graph::Function& function_;
  std::shared_ptr<runtime::Communicator> communicator_;
  std::vector<TensorSpec> inputs_, outputs_;
};

class ReferenceDevice final : public backends::Device {
 public:
  explicit ReferenceDevice(std::shared_ptr<runtime::Communicator> communicator)
      : communicator_(std::move(communicator)) {}

  std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>& states) const override {
    return std::make_unique<runtime::HostState>(backends::to_specs(states));
  }
  std::unique_ptr<runtime::Executable> compile(const backends::Source& source) const override {
    return std::make_unique<Program>(source, communicator_);
  }
  bool executes_loops() const override { return false; }
  std::optional<backends::NonFiniteResult> first_non_finite(
      const graph::Module& module, std::string_view name, const backends::RepeatedCall& call,
      const std::unordered_set<const graph::Op*>& of_gradients) const override {
    const graph::Function& function = *module.find_function(name);
    runtime::HostState state(call.state.specs());
    for (const std::string& read : graph::states_touched(module, function, graph::OpCode::read))
      state.set(read, call.state.get(read));
    return reference::first_non_finite(module, function, {call.inputs.begin(), call.inputs.end()},
                                       {&state, call.seed, call.step}, of_gradients);
  }

 private:
  std::shared_ptr<runtime::Communicator> communicator_;
};

class ReferenceBackend final : public backends::Backend {
 public:
  std::string_view name() const override { return "reference"; }
  std::unique_ptr<backends::Device> open(const backends::DeviceOptions& options) const override {
    return std::make_unique<ReferenceDevice>(options.communicator);
  }
};

}  // namespace

const backends::Backend& backend() {
  static const ReferenceBackend instance;
  return instance;
}

}  // namespace sinter::reference
