#include "backends/vulkan/run/executable.h"

#include <cstring>

#include "backends/vulkan/run/context.h"
#include "runtime/error.h"

namespace sinter::vulkan {

using runtime::Slot;

namespace {

const DeviceState& own(const runtime::StateStore& state) {
  const auto* store = dynamic_cast<const DeviceState*>(&state);
  if (store == nullptr) throw RuntimeError("the state belongs to another device or program");
  return *store;
}

class VulkanExecutable final : public runtime::Executable {
 public:
  VulkanExecutable(Image image, std::shared_ptr<Gpu> gpu, std::shared_ptr<runtime::Communicator> communicator)
      : gpu_(std::move(gpu)),
        communicator_(std::move(communicator)),
        image_(std::move(image)),
        pipelines_(*gpu_, image_.kernels),
        constant_offsets_(lay_out(*gpu_, image_.slots)),
        constants_(*gpu_, Memory::Kind::device, constant_offsets_.back(), "constants") {
    runtime::check_meetings(image_.meetings, communicator_.get());
    for (runtime::Meeting& meeting : image_.meetings) {
      meeting.collective.mode =
          gpu_->abilities().adds_denormals() ? runtime::kKeepDenormals : runtime::kFlushDenormals;
    }
    fill_constants();
  }

  const std::vector<runtime::TensorSpec>& inputs() const override { return image_.inputs; }
  const std::vector<runtime::TensorSpec>& outputs() const override { return image_.outputs; }

  std::unique_ptr<runtime::Context> make_context() const override {
    return std::make_unique<RunContext>(gpu_, image_, pipelines_, constants_, constant_offsets_,
                                        communicator_.get());
  }

  void run(runtime::Context& context, runtime::StateStore& state, const runtime::Call& call) const override {
    auto& own_context = dynamic_cast<RunContext&>(context);
    const int64_t begin = call.profile == nullptr ? 0 : runtime::Profile::now();
    start(context, state, call);
    const bool all_held = own_context.wait();
    if (call.profile != nullptr) call.profile->add_call(image_.name, begin, runtime::Profile::now());
    if (!all_held) throw_fault(context, state);
    if (call.profile != nullptr) own_context.write_times(*call.profile);
    for (size_t i = 0; i < call.outputs.size(); ++i) {
      const auto bytes = static_cast<size_t>(bytes_of(image_.outputs[i]));
      if (bytes > 0 && call.outputs[i] != nullptr) std::memcpy(call.outputs[i], own_context.output(i), bytes);
    }
  }

  void start(runtime::Context& context, runtime::StateStore& state,
             const runtime::Call& call) const override {
    runtime::check_call(image_, call);
    dynamic_cast<RunContext&>(context).start(own(state), call);
  }

  bool wait(runtime::Context& context) const override { return dynamic_cast<RunContext&>(context).wait(); }

  void throw_fault(runtime::Context& context, runtime::StateStore& state) const override {
    const Fault fault = dynamic_cast<RunContext&>(context).find_fault(own(state));
    runtime::raise_fault(image_.faults.at(fault.site), fault.position, fault.bits);
  }

 private:
  // By slot; of those that are no constants it means nothing.
  static std::vector<int64_t> lay_out(const Gpu& gpu, const std::vector<Slot>& slots) {
    const auto alignment = gpu.buffer_alignment();
    std::vector<int64_t> offsets = {0};
    for (const Slot& slot : slots) {
      const bool is_constant = slot.kind == Slot::Kind::constant;
      offsets.push_back(offsets.back() + (is_constant ? aligned(slot.bytes, alignment) : 0));
    }
    return offsets;
  }

  void fill_constants() {
    if (constant_offsets_.back() == 0) return;
    std::vector<std::byte> staging;
    std::byte* to = constants_.mapped();
    if (to == nullptr) {
      staging.resize(static_cast<size_t>(constants_.bytes()));
      to = staging.data();
    }
    for (size_t i = 0; i < image_.slots.size(); ++i) {
      const std::vector<std::byte>& data = image_.slots[i].data;
      if (!data.empty()) std::memcpy(to + constant_offsets_[i], data.data(), data.size());
      image_.slots[i].data = {};
    }
    if (!staging.empty()) copy_up(*gpu_, to, {constants_.buffer(), 0, constants_.bytes()});
  }

  std::shared_ptr<Gpu> gpu_;
  std::shared_ptr<runtime::Communicator> communicator_;
  Image image_;
  Pipelines pipelines_;
  std::vector<int64_t> constant_offsets_;
  Memory constants_;
};

}  // namespace

std::unique_ptr<runtime::Executable> make_executable(Image image, std::shared_ptr<Gpu> gpu,
                                                     std::shared_ptr<runtime::Communicator> communicator) {
  return std::make_unique<VulkanExecutable>(std::move(image), std::move(gpu), std::move(communicator));
}

}  // namespace sinter::vulkan
