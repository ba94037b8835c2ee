package peer;

/** An order as a change event told it: a bean, so that Flink serializes it by its own means. */
public class OrderEvent {
    private String op;
    private String orderId;
    private String symbol;
    private String side;
    private long quantity;
    private double price;
    private String status;
    private long latencyMs;

    public OrderEvent() {}

    public String getOp() {
        return op;
    }

    public void setOp(String op) {
        this.op = op;
    }

    public String getOrderId() {
        return orderId;
    }

    public void setOrderId(String orderId) {
        this.orderId = orderId;
    }

    public String getSymbol() {
        return symbol;
    }

    public void setSymbol(String symbol) {
        this.symbol = symbol;
    }

    public String getSide() {
        return side;
    }

    public void setSide(String side) {
        this.side = side;
    }

    public long getQuantity() {
        return quantity;
    }

    public void setQuantity(long quantity) {
        this.quantity = quantity;
    }

    public double getPrice() {
        return price;
    }

    public void setPrice(double price) {
        this.price = price;
    }

    public String getStatus() {
        return status;
    }

    public void setStatus(String status) {
        this.status = status;
    }

    public long getLatencyMs() {
        return latencyMs;
    }

    public void setLatencyMs(long latencyMs) {
        this.latencyMs = latencyMs;
    }

    @Override
    public String toString() {
        return "OrderEvent{op=" + op + ", orderId=" + orderId + ", symbol=" + symbol + ", " + side + " " + quantity + "@"
                + Plain.of(price) + ", status=" + status + ", latency=" + latencyMs + "ms}";
    }
}
