// Convolutions on the CPU and their weight gradients, channels last.
//
// Between one row of the kernel and one row of the image a convolution is a matrix product, since columns and channels
// of a patch lie one behind the other. Nothing is unfolded: the innermost loop sums a few pixels times a block of
// target channels in registers. An image that is mostly zeros (spikes) takes another way: its events are listed, and
// each adds one row of the kernel (or, for the weight gradient, one pixel of the cotangent).
#include <algorithm>
#include <cstdint>
#include <vector>

#include "images.h"
#include "lanes.h"
#include "pieces.h"
#include "xla/ffi/api/ffi.h"

namespace {

constexpr int64_t kNear = 96;                  // pixels of the cotangent that are read again and again

// P neighbouring pixels: out[p, :] = sum over kernel rows i and q of x[i, p * step + q] w[i, q, :]
template <int P, int V>
void dense_pixels(float* out, const Geometry& g, int64_t width, const float* x, const float* w) {
  Lanes sum[P][kVectors] = {};
  const int64_t step = g.stride * g.source, span = g.span();
  for (int64_t i = 0; i < g.rows; ++i, x += g.width() * g.source)
    for (int64_t q = 0; q < span; ++q, w += kBlock) {
      Lanes factor[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) factor[v] = at(w + v * kLanes);
#pragma GCC unroll 12
      for (int p = 0; p < P; ++p) {
        const float value = x[p * step + q];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sum[p][v] += value * factor[v];
      }
    }
  for (int p = 0; p < P; ++p) unpack(out + p * g.target, sum[p], width);
}

// One pixel: out[:] = sum over the events of its patch of value * w[place in the patch, :]
template <int V>
void event_pixel(float* out, const Geometry& g, int64_t width, const Event* events, const int64_t* start,
                 const float* w, int64_t column) {
  Lanes sum[kVectors] = {};
  for (int64_t i = 0; i < g.rows; ++i, start += g.width()) {
    const float* rows = w + (i * g.span() - column * g.source) * kBlock;
    const Event* const end = events + start[g.columns];
    for (const Event* event = events + start[0]; event != end; ++event) {
      const float* row = rows + event->from * kBlock;
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[v] += event->value * at(row + v * kLanes);
    }
  }
  unpack(out, sum, width);
}

// Q entries of one kernel row: total[q, :] += sum over the pixels of some rows of x[pixel * step + q] post[pixel, :]
template <int Q, int V>
void dense_outer(float* total, const Geometry& g, const float* x, const float* post, int64_t lines) {
  Lanes sum[Q][V];
  for (int q = 0; q < Q; ++q)
    for (int v = 0; v < V; ++v) sum[q][v] = at(total + q * kBlock + v * kLanes);
  const int64_t step = g.stride * g.source;
  for (int64_t line = 0; line < lines; ++line) {
    const float* from = x + line * g.stride * g.width() * g.source;
    for (int64_t pixel = 0; pixel < g.target_width; ++pixel, from += step, post += kBlock) {
      Lanes factor[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) factor[v] = at(post + v * kLanes);
#pragma GCC unroll 12
      for (int q = 0; q < Q; ++q) {
        const float value = from[q];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sum[q][v] += value * factor[v];
      }
    }
  }
  for (int q = 0; q < Q; ++q)
    for (int v = 0; v < V; ++v) at(total + q * kBlock + v * kLanes) = sum[q][v];
}

// One entry of the kernel: total[:] += sum over the events of its source channel of value * post[pixel, :]
template <int V>
void event_outer(float* total, const Event* event, const Event* end, const float* post) {
  Lanes sum[V];
  for (int v = 0; v < V; ++v) sum[v] = at(total + v * kLanes);
  for (; event != end; ++event) {
    const float* row = post + event->from * kBlock;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] += event->value * at(row + v * kLanes);
  }
  for (int v = 0; v < V; ++v) at(total + v * kLanes) = sum[v];
}

void convolve_image(float* out, const Geometry& g, const float* from, const Floats& kernel, Scratch& s) {
  const bool sparse = is_sparse(pad(s.image, g, from), g);
  if (sparse) list_by_pixel(s.events, s.start, s.image, g);
  for (int64_t block = 0; block < g.blocks(); ++block) {
    const float* w = &kernel[block * g.patch() * kBlock];
    const int64_t width = g.channels(block);
    with_vectors(width, [&](auto vectors) {
      for (int64_t y = 0; y < g.target_height; ++y) {
        float* row = out + y * g.target_width * g.target + block * kBlock;
        const int64_t first = y * g.stride * g.width();
        if (sparse) {
          for (int64_t x = 0; x < g.target_width; ++x)
            event_pixel<vectors>(row + x * g.target, g, width, s.events.data(), &s.start[first + x * g.stride], w,
                                 x * g.stride);
          continue;
        }
        in_parts(g.target_width, [&](int64_t x, int64_t count) {
          const float* patch = &s.image[(first + x * g.stride) * g.source];
          with_count(count, [&](auto pixels) {
            dense_pixels<pixels, vectors>(row + x * g.target, g, width, patch, w);
          });
        });
      }
    });
  }
}

// The cotangent of one block of channels with its dilation and margins: entry (i, j) of the kernel meets an input at
// (y, x) with the cotangent at (y - i, x - j), here moved by one kernel less one.
void spread_post(Floats& to, const Geometry& g, const float* post, int64_t block) {
  const int64_t width = g.width() + g.columns - 1;
  to.assign((g.height() + g.rows - 1) * width * kBlock, 0.0f);
  for (int64_t y = 0; y < g.target_height; ++y)
    for (int64_t x = 0; x < g.target_width; ++x)
      pack(&to[((g.rows - 1 + y * g.stride) * width + g.columns - 1 + x * g.stride) * kBlock],
           post + (y * g.target_width + x) * g.target + block * kBlock, 1, g.target, g.channels(block));
}

void outer_events(float* total, const Geometry& g, const float* post, Scratch& s) {
  const int64_t width = g.width() + g.columns - 1;
  list_by_channel(s.events, s.start, s.image, g, width);
  for (int64_t block = 0; block < g.blocks(); ++block) {
    spread_post(s.post, g, post, block);
    float* sums = total + block * g.patch() * kBlock;
    with_vectors(g.channels(block), [&](auto vectors) {
      for (int64_t c = 0; c < g.source; ++c)
        for (int64_t i = 0; i < g.rows; ++i)
          for (int64_t j = 0; j < g.columns; ++j)
            event_outer<vectors>(sums + (i * g.span() + j * g.source + c) * kBlock, &s.events[s.start[c]],
                                 &s.events[s.start[c + 1]],
                                 &s.post[((g.rows - 1 - i) * width + g.columns - 1 - j) * kBlock]);
    });
  }
}

void outer_dense(float* total, const Geometry& g, const float* post, Scratch& s) {
  const int64_t pixels = g.target_height * g.target_width, near = std::max<int64_t>(1, kNear / g.target_width);
  s.post.resize(pixels * kBlock);
  for (int64_t block = 0; block < g.blocks(); ++block) {
    pack(s.post.data(), post + block * kBlock, pixels, g.target, g.channels(block));
    float* sums = total + block * g.patch() * kBlock;
    with_vectors(g.channels(block), [&](auto vectors) {
      for (int64_t y = 0; y < g.target_height; y += near) {
        const int64_t lines = std::min(near, g.target_height - y);
        for (int64_t i = 0; i < g.rows; ++i)
          in_parts(g.span(), [&](int64_t q, int64_t count) {
            const float* x = &s.image[(y * g.stride + i) * g.width() * g.source + q];
            with_count(count, [&](auto entries) {
              dense_outer<entries, vectors>(sums + (i * g.span() + q) * kBlock, g, x,
                                            &s.post[y * g.target_width * kBlock], lines);
            });
          });
      }
    });
  }
}

typedef ffi::Buffer<ffi::F32> Array;
typedef ffi::ResultBuffer<ffi::F32> Result;

template <typename Source, typename Kernel, typename Target>
Geometry geometry(const Source& source, const Kernel& kernel, const Target& target, int64_t stride, int64_t dilation,
                  int64_t top, int64_t left) {
  return {source[0], source[1], source[2], source[3], kernel[0], kernel[1], kernel[3],
          target[1], target[2], stride,    dilation,  top,       left};
}

// current[n, y, x, :] = sum over i, j, c of activity[n, y stride + i, x stride + j, c] weight[i, j, c, :]
ffi::Error convolve(ffi::ThreadPool pool, int64_t stride, int64_t dilation, int64_t top, int64_t left, Array activity,
                    Array weight, Result current) {
  const Geometry g = geometry(activity.dimensions(), weight.dimensions(), current->dimensions(), stride, dilation, top,
                              left);
  Floats kernel(g.blocks() * g.patch() * kBlock);
  for (int64_t block = 0; block < g.blocks(); ++block)
    pack(&kernel[block * g.patch() * kBlock], weight.typed_data() + block * kBlock, g.patch(), g.target,
         g.channels(block));
  const int64_t from = g.source_height * g.source_width * g.source, to = g.target_height * g.target_width * g.target;
  share(pool, g.images, [&](int64_t n) {
    static thread_local Scratch scratch;
    convolve_image(current->typed_data() + n * to, g, activity.typed_data() + n * from, kernel, scratch);
  });
  return ffi::Error::Success();
}

// total[i, j, c, k] = sum over n, y, x of pre[n, y stride + i, x stride + j, c] post[n, y, x, k]
ffi::Error outer(ffi::ThreadPool pool, int64_t stride, int64_t dilation, int64_t top, int64_t left, Array pre,
                 Array post, Result total) {
  const Geometry g = geometry(pre.dimensions(), total->dimensions(), post.dimensions(), stride, dilation, top, left);
  const int64_t parts = std::min<int64_t>(g.images, 2 * pool.num_threads());
  std::vector<Floats> sums(parts, Floats(g.blocks() * g.patch() * kBlock, 0.0f));  // one a part: the order is fixed
  const int64_t from = g.source_height * g.source_width * g.source, to = g.target_height * g.target_width * g.target;
  share(pool, parts, [&](int64_t part) {
    static thread_local Scratch scratch;
    for (int64_t n = g.images * part / parts; n < g.images * (part + 1) / parts; ++n) {
      const bool sparse = is_sparse(pad(scratch.image, g, pre.typed_data() + n * from), g);
      (sparse ? outer_events : outer_dense)(sums[part].data(), g, post.typed_data() + n * to, scratch);
    }
  });
  for (int64_t block = 0; block < g.blocks(); ++block)
    for (int64_t row = 0; row < g.patch(); ++row)
      for (int64_t k = 0; k < g.channels(block); ++k) {
        float sum = 0.0f;
        for (const Floats& part : sums) sum += part[(block * g.patch() + row) * kBlock + k];
        total->typed_data()[row * g.target + block * kBlock + k] = sum;
      }
  return ffi::Error::Success();
}

auto binding() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Attr<int64_t>("stride")
      .Attr<int64_t>("dilation")
      .Attr<int64_t>("top")
      .Attr<int64_t>("left")
      .Arg<Array>()
      .Arg<Array>()
      .Ret<Array>();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(metaplast_convolve, convolve, binding());
XLA_FFI_DEFINE_HANDLER_SYMBOL(metaplast_convolve_outer, outer, binding());
