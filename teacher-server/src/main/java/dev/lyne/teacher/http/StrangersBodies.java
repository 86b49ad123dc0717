package dev.lyne.teacher.http;

import dev.lyne.teacher.access.Authenticator;
import dev.lyne.teacher.access.Identity;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;

/**
 * Lets go of the bodies of requests whose caller is not known, before they are unpacked and gathered: they take no memory, and are refused
 * like any other once they have ended. Owned by its connection's event loop.
 */
final class StrangersBodies extends ChannelInboundHandlerAdapter {
    private final Authenticator authenticator;
    private boolean dropping;

    StrangersBodies(Authenticator authenticator) {
        this.authenticator = authenticator;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
        if (message instanceof HttpRequest request) {
            dropping = !request.decoderResult().isFailure()
                    && !(DoorHandler.identity(authenticator, context, request) instanceof Identity.Known);
            if (dropping) {
                request.headers().remove(HttpHeaderNames.CONTENT_ENCODING); // nothing is unpacked
            }
        }
        if (dropping && message instanceof HttpContent) {
            boolean last = message instanceof LastHttpContent;
            ReferenceCountUtil.release(message);
            if (last) {
                context.fireChannelRead(LastHttpContent.EMPTY_LAST_CONTENT);
            }
            return;
        }
        context.fireChannelRead(message);
    }
}
