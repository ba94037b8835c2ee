package peer;

/** What a window accumulates. A bean, as the order. */
public class Sums {
    public long orders;
    public long buys;
    public long sells;
    public double total;
    public double prices;
    public double min = Double.MAX_VALUE;
    public double max = -Double.MAX_VALUE;
    public long firstEventMs;

    public Sums() {}
}
