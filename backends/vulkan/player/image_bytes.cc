#include "backends/vulkan/player/image_bytes.h"

#include <algorithm>
#include <cstring>

#include "backends/layout_bytes.h"

namespace sinter::vulkan {

using backends::check_stored;
using nlohmann::json;

// What there are many of has no names.
static void to_json(json& fields, const View& view) {
  fields = {view.argument, view.kind};
}
static void from_json(const json& fields, View& view) {
  view = {fields.at(0), fields.at(1)};
}
static void to_json(json& fields, const Binding& binding) {
  fields = {binding.slot, binding.begin, binding.end, binding.written};
}
static void from_json(const json& fields, Binding& binding) {
  binding = {fields.at(0), fields.at(1), fields.at(2), fields.at(3)};
}
static void to_json(json& fields, const Dispatch& dispatch) {
  fields = {dispatch.kernel, dispatch.groups};
}
static void from_json(const json& fields, Dispatch& dispatch) {
  dispatch = {fields.at(0), fields.at(1)};
}
static void to_json(json& fields, const Launch& launch) {
  fields = {launch.dispatches, launch.info, launch.bindings, launch.offsets};
}
static void from_json(const json& fields, Launch& launch) {
  launch = {fields.at(0), fields.at(1), fields.at(2), fields.at(3)};
}

static void to_json(json& fields, const Segment& segment) {
  fields = {segment.ends, segment.launches, segment.begins};
}
static void from_json(const json& fields, Segment& segment) {
  segment = {fields.at(0), fields.at(1), fields.at(2)};
}

static void to_json(json& fields, const Kernel& kernel) {
  fields = {{"name", kernel.name},
            {"spirv", backends::to_json(std::as_bytes(std::span(kernel.spirv)))},
            {"views", kernel.views},
            {"offsets", kernel.offsets},
            {"reads_call", kernel.reads_call},
            {"uses_faults", kernel.uses_faults},
            {"reports_faults", kernel.reports_faults}};
}
static void from_json(const json& fields, Kernel& kernel) {
  kernel = {fields.at("name"),          {},
            fields.at("views"),         fields.at("offsets"),
            fields.at("reads_call"),    fields.at("uses_faults"),
            fields.at("reports_faults")};
  const auto& words = fields.at("spirv").get_binary();
  check_stored(!words.empty() && words.size() % sizeof(uint32_t) == 0);
  kernel.spirv.resize(words.size() / sizeof(uint32_t));
  std::memcpy(kernel.spirv.data(), words.data(), words.size());
}

namespace {

void check_launch(const Launch& launch, const Image& image) {
  check_stored(!launch.dispatches.empty() && launch.info < image.infos.size());
  for (const Dispatch& dispatch : launch.dispatches) {
    check_stored(dispatch.kernel < image.kernels.size());
    const Kernel& kernel = image.kernels[dispatch.kernel];
    check_stored(launch.offsets.size() == kernel.offsets);
    for (const View& view : kernel.views) check_stored(view.argument < launch.bindings.size());
  }
  for (const Binding& binding : launch.bindings) {
    check_stored(binding.slot < image.slots.size());
    check_stored(binding.begin >= 0 && binding.begin <= binding.end &&
                 binding.end <= image.slots[binding.slot].bytes);
  }
}

// That they have all launches, and that each meeting begins once and ends once, in the order of the begins.
void check_segments(const Image& image) {
  size_t launches = 0;
  std::vector<size_t> begun, ended;
  for (const Segment& segment : image.segments) {
    for (const size_t meeting : segment.ends) {
      ended.push_back(meeting);
      check_stored(ended.size() <= begun.size());
    }
    check_stored(segment.launches <= image.launches.size());
    launches += segment.launches;
    for (const size_t meeting : segment.begins) {
      check_stored(meeting < image.meetings.size() && std::ranges::count(begun, meeting) == 0);
      begun.push_back(meeting);
    }
  }
  check_stored(launches == image.launches.size() && !image.segments.empty());
  check_stored(begun.size() == image.meetings.size() && ended == begun);
}

void check(const Image& image) {
  check_stored(image.f32_faults.size() == image.faults.size());
  for (const Kernel& kernel : image.kernels) {
    for (const View& view : kernel.views) check_stored(view.kind <= View::Kind::texels_i32);
  }
  for (const Launch& launch : image.launches) check_launch(launch, image);
  check_segments(image);
}

}  // namespace

std::string to_bytes(const Image& image) {
  json fields = backends::to_json(static_cast<const runtime::ProgramLayout&>(image));
  fields["kernels"] = image.kernels;
  fields["launches"] = image.launches;
  fields["segments"] = image.segments;
  fields["meetings"] = backends::to_json(image.meetings);
  fields["f32_faults"] = image.f32_faults;
  return backends::packed(fields);
}

std::optional<Image> from_bytes(std::string_view bytes) {
  return backends::unpacked(bytes, [](const json& fields) {
    Image image{backends::layout_from_json(fields),
                fields.at("kernels"),
                fields.at("launches"),
                fields.at("segments"),
                {},
                fields.at("f32_faults")};
    image.meetings = backends::meetings_from_json(fields.at("meetings"), image);
    check(image);
    return image;
  });
}

}  // namespace sinter::vulkan
